class E(models.Model):
    n = models.IntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(n__gt=1), name="c_first"),
            models.CheckConstraint(condition=models.Q(n__gt=0), name="c_second"),
            models.UniqueConstraint(fields=["n", "id"], name="u_second"),
        ]
        indexes = [
            models.Index(fields=["n"], name="i_first"),
            models.Index(fields=["-n"], name="i_second"),
            models.Index(fields=["id", "n"], name="u_first"),
        ]
