class E(models.Model):
    n = models.IntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(n__gt=1), name="c_second")]
        indexes = [
            models.Index(fields=["n"], name="i_second"),
            models.Index(fields=["id", "n"], name="u_second"),
        ]
