class Book(models.Model):
    title = models.CharField(max_length=100)
class VeryVeryVeryVeryVeryVeryVeryVeryVeryVeryVeryVeryLong(models.Model):
    much_much_much_much_much_much_much_much_much_too = models.ForeignKey(Book, models.CASCADE)
