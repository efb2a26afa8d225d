class Country(models.Model):
    code = models.CharField(max_length=5, primary_key=True)
class City(models.Model):
    country = models.ForeignKey(Country, models.CASCADE)
