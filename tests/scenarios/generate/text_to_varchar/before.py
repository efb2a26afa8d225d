class Book(models.Model):
    title = models.TextField()
