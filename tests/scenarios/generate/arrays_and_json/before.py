from django.contrib.postgres.fields import ArrayField
class Book(models.Model):
    title = models.CharField(max_length=100)
