class Author(models.Model):
    name = models.CharField(max_length=50)
