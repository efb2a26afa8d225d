class Author(models.Model):
    name = models.CharField(max_length=50)

class Book(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey('Pen', models.CASCADE)

class Pen(models.Model):
    pass
