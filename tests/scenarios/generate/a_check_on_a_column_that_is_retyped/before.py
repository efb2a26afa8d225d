class Book(models.Model):
    title = models.CharField(max_length=100)
    n = models.SmallIntegerField(default=1)
    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(n__gt=0), name='positive')]
