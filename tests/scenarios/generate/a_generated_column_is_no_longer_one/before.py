class Book(models.Model):
    title = models.CharField(max_length=100)
    n = models.IntegerField(default=1)
    d = models.GeneratedField(expression=models.F('n') + 1, output_field=models.IntegerField(), db_persist=True)
