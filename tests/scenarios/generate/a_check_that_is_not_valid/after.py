class Book(models.Model):
    n = models.IntegerField()
    m = models.IntegerField(null=True)
    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(n__gt=0), name='c')]
