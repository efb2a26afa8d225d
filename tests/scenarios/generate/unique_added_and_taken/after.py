class Book(models.Model):
    title = models.CharField(max_length=100, unique=True)
    n = models.IntegerField(null=True)
