class Book(models.Model):
    title = models.CharField(max_length=100)
    class Meta:
        indexes = [models.Index(fields=['title'], name='after')]
