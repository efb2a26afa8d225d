class Book(models.Model):
    title = models.CharField(max_length=100)
