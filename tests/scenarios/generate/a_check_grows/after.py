class Book(models.Model):
    title = models.CharField(max_length=100)
    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(title__in=['one', 'two', 'three']), name='c')]
