import uuid
class Book(models.Model):
    title = models.CharField(max_length=100)
    u = models.UUIDField(default=uuid.uuid4, unique=True)
