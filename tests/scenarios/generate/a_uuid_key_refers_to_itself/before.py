import uuid
class Node(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
