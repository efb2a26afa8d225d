class Book(models.Model):
    title = models.CharField(max_length=100)
    a = models.TextField(default='1')
    b = models.IntegerField(default=2)
