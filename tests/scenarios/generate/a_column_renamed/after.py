class Book(models.Model):
    headline = models.CharField(max_length=100)
