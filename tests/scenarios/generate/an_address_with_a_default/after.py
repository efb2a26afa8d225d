class Book(models.Model):
    title = models.CharField(max_length=100)
    ip = models.GenericIPAddressField(default='::1')
