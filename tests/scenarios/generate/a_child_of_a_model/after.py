class Book(models.Model):
    title = models.CharField(max_length=100)

class Novel(Book):
    genre = models.CharField(max_length=9)
