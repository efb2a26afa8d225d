from django.db.models.functions import Now
class Book(models.Model):
    title = models.CharField(max_length=100)
    at = models.DateTimeField(db_default=Now())
