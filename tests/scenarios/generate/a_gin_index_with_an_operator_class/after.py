from django.contrib.postgres.indexes import GinIndex
class Book(models.Model):
    title = models.CharField(max_length=100)
    data = models.JSONField(default=dict)
    class Meta:
        indexes = [GinIndex(fields=['data'], name='g', opclasses=['jsonb_path_ops'], fastupdate=False)]
