from django.contrib.postgres.indexes import GinIndex
class Book(models.Model):
    title = models.CharField(max_length=100)
    class Meta:
        indexes = [GinIndex(fields=['title'], name='g', opclasses=['gin_trgm_ops'])]
