class Book(models.Model):
    title = models.CharField(max_length=100)
class Note(models.Model):
    book = models.ForeignKey(Book, models.CASCADE)
    text = models.TextField(null=True)
