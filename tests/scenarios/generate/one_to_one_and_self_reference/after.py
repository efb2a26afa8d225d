class Book(models.Model):
    title = models.CharField(max_length=100)
    above = models.ForeignKey('self', models.CASCADE, null=True)
    twin = models.OneToOneField('self', models.SET_NULL, null=True, related_name='+')
