class Author(models.Model):
    id = models.BigAutoField(primary_key=True)

class Book(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
