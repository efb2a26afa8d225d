from django.db.models.functions import Lower
class Book(models.Model):
    title = models.CharField(max_length=100)
    n = models.IntegerField(null=True)
    class Meta:
        constraints = [models.UniqueConstraint(fields=['title'], name='u1', deferrable=models.Deferrable.DEFERRED), models.UniqueConstraint(fields=['n', 'title'], name='u2', nulls_distinct=False), models.UniqueConstraint(Lower('title'), name='u3'), models.UniqueConstraint(fields=['n'], condition=models.Q(n__gt=0), include=['title'], name='u4')]
