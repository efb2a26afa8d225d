class Author(models.Model):
    name = models.TextField()
class Book(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey(Author, models.CASCADE, default=1)
