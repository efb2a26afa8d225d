from django.contrib.postgres.fields import ArrayField
class Book(models.Model):
    title = models.CharField(max_length=100)
    tags = ArrayField(models.CharField(max_length=5), default=list)
    data = models.JSONField(default=dict)
