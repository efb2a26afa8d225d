class Book(models.Model):
    title = models.CharField(max_length=100)
    n = models.IntegerField()
