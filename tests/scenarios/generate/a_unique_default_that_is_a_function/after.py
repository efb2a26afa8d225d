import secrets

class Book(models.Model):
    title = models.CharField(max_length=100)
    token = models.CharField(max_length=64, default=secrets.token_hex, unique=True)
