class A(models.Model):
    b = models.ForeignKey('B', models.CASCADE, null=True)

class B(models.Model):
    a = models.ForeignKey(A, models.CASCADE)
