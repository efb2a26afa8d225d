class Book(models.Model):
    title = models.CharField(max_length=100)

class Writer(models.Model):
    name = models.CharField(max_length=50)
