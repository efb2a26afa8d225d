class Book(models.Model):
    title = models.CharField(max_length=100)
class Tag(models.Model):
    pass
