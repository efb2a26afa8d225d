class Book(models.Model):
    title = models.CharField(max_length=100, db_comment="it's 100 % new")
    class Meta:
        db_table_comment = 'books'
