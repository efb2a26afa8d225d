class Country(models.Model):
    code = models.CharField(max_length=2, primary_key=True)
class City(models.Model):
    country = models.ForeignKey(Country, models.CASCADE)
