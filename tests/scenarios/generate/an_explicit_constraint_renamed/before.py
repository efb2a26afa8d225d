class Book(models.Model):
    title = models.CharField(max_length=100)
    class Meta:
        constraints = [models.UniqueConstraint(fields=['title'], name='before')]
