class Book(models.Model):
    title = models.CharField(max_length=100)
    f = models.DateField(null=True)
