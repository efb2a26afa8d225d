class Book(models.Model):
    title = models.CharField(max_length=100)
    s = models.CharField(max_length=20, default="it's 5 %s %%")
