class Book(models.Model):
    title = models.CharField(max_length=100)
    a = models.IntegerField(default=1)
    b = models.TextField(default='2')
