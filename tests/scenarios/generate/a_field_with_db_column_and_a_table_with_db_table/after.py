class Book(models.Model):
    title = models.CharField(max_length=100)

class Odd(models.Model):
    x = models.IntegerField(db_column='Some Name')
    class Meta:
        db_table = 'blog_Odd One'
