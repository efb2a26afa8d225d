import uuid
class Node(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    above = models.ForeignKey('self', models.CASCADE, null=True)
