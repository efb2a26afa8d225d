class Book(models.Model):
    key = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=100)
