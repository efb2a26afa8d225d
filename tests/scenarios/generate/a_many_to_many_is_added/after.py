class Book(models.Model):
    title = models.CharField(max_length=100)
    tags = models.ManyToManyField('Tag')
class Tag(models.Model):
    pass
