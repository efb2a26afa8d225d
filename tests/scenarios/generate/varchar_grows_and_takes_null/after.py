class Book(models.Model):
    title = models.CharField(max_length=200, null=True)
