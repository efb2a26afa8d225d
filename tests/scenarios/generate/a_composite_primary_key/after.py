class Book(models.Model):
    title = models.CharField(max_length=100)

class Line(models.Model):
    pk = models.CompositePrimaryKey('a', 'b')
    a = models.IntegerField()
    b = models.IntegerField()
