class Book(models.Model):
    title = models.CharField(max_length=100)
    p = models.DecimalField(max_digits=8, decimal_places=3, default=1)
