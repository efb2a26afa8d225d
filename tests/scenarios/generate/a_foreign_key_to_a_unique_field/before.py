class Country(models.Model):
    code = models.CharField(max_length=2, unique=True)
class City(models.Model):
    name = models.TextField()
