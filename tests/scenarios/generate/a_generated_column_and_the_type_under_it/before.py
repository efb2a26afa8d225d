class Book(models.Model):
    title = models.CharField(max_length=100)
    n = models.IntegerField(default=1)
    twice = models.GeneratedField(expression=models.F('n') * 2, output_field=models.BigIntegerField(), db_persist=True)
