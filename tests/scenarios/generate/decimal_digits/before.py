class Book(models.Model):
    title = models.CharField(max_length=100)
    p = models.DecimalField(max_digits=5, decimal_places=2, default=1)
