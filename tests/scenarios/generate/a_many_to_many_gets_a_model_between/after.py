class Book(models.Model):
    title = models.CharField(max_length=100)
    tags = models.ManyToManyField('Tag', through='Tagging')
class Tag(models.Model):
    pass
class Tagging(models.Model):
    book = models.ForeignKey(Book, models.CASCADE)
    tag = models.ForeignKey(Tag, models.CASCADE)
    at = models.DateTimeField(auto_now_add=True)
    class Meta:
        db_table = 'blog_book_tags'
