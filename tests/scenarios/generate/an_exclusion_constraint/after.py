from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField
class Book(models.Model):
    title = models.CharField(max_length=100)
    d = DateRangeField(null=True)
    class Meta:
        constraints = [ExclusionConstraint(name='e', expressions=[('d', '&&')])]
