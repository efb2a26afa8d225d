from django.contrib.postgres.indexes import *
from django.db.models.functions import Lower
class Book(models.Model):
    title = models.CharField(max_length=100)
    n = models.IntegerField(null=True)
    class Meta:
        indexes = [models.Index(Lower('title').desc(), name='i1'), models.Index(fields=['n'], include=['title'], condition=models.Q(n__gt=0), name='i2'), BrinIndex(fields=['n'], name='i3'), HashIndex(fields=['title'], name='i4'), models.Index(fields=['title'], opclasses=['varchar_pattern_ops'], name='i5')]
