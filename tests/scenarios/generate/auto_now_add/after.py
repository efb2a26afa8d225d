class Book(models.Model):
    title = models.CharField(max_length=100)
    at = models.DateTimeField(auto_now_add=True)
