class Book(models.Model):
    title = models.TextField(db_index=True)
