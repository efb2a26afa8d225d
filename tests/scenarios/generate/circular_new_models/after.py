class A(models.Model):
    b = models.ForeignKey('B', models.CASCADE, null=True, related_name='+')

class B(models.Model):
    a = models.ForeignKey(A, models.CASCADE, related_name='+')
