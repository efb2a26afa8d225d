class Book(models.Model):
    title = models.IntegerField()
