class Book(models.Model):
    title = models.CharField(max_length=100)
    note = models.CharField(max_length=20, null=True)
