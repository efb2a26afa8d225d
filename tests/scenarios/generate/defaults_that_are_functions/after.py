import uuid
from django.utils import timezone

def made():
    return "made"

class Book(models.Model):
    title = models.CharField(max_length=100)
    token = models.CharField(max_length=50, default=made)
    key = models.UUIDField(default=lambda: uuid.uuid4(), unique=True, null=True)
    other = models.UUIDField(default=uuid.uuid4, unique=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)
