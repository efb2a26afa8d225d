"""The ledger's tables. Like that of Django's own history, their models are in no registry of apps.

So nothing but a run of a fleet makes the tables, no `flush` empties them, and no start of Django has to know of them.
"""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import models

# The tables' comments have the number of their format, for older and newer versions of this app to know.
FORMAT = 1


class FleetRun(models.Model):
    """One run of a fleet. `targets` is how many the fleet had, those with nothing to do included.

    `options` are those that say what is done. Of a fleet at most one run is unfinished.
    """

    id = models.BigAutoField(primary_key=True)
    fleet = models.TextField()
    direction = models.CharField(max_length=4)
    build = models.CharField(max_length=64)
    options = models.JSONField()
    applied_by = models.CharField(max_length=255)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16)
    targets = models.IntegerField()

    class Meta:
        apps = Apps()
        app_label = "medusa_migrations"
        db_table = "medusa_fleet_runs"
        db_table_comment = f"Fleet runs of medusa_migrations, format {FORMAT}"
        constraints = [
            models.UniqueConstraint(
                fields=["fleet"], condition=models.Q(ended_at=None), name="medusa_fleet_runs_unfinished"
            )
        ]

    def __str__(self) -> str:
        return f"{self.fleet} {self.pk}"


class FleetRunTarget(models.Model):
    """What became of one target in a run of a fleet; only of those that had something to do.

    `stage` is 0 for the canary. `state` is waiting, queued, running, done, failed or skipped. `running` is written when
    the target's lock is held, and stays where the process was killed: the lock tells whether it is so. `worker` is the
    host and the number of the process. `pending` is how many migrations were pending, and `applied` are the ids of what
    the run has applied there, or reverted. `error` is the reason of a failure, `told` all that is said of it to people,
    `file` and `line` the place.
    """

    pk = models.CompositePrimaryKey("run", "name")
    run = models.BigIntegerField()
    name = models.TextField()
    stage = models.IntegerField()
    position = models.IntegerField()
    state = models.CharField(max_length=8)
    attempt = models.IntegerField()
    worker = models.CharField(max_length=255)
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    pending = models.IntegerField()
    applied = models.JSONField()
    migration = models.TextField()
    sqlstate = models.CharField(max_length=5)
    error = models.TextField()
    told = models.TextField()
    file = models.TextField()
    line = models.IntegerField(null=True)

    class Meta:
        apps = Apps()
        app_label = "medusa_migrations"
        db_table = "medusa_fleet_targets"
        db_table_comment = f"Fleet targets of medusa_migrations, format {FORMAT}"
        indexes = [models.Index(fields=["run", "state", "stage", "position"], name="medusa_fleet_targets_next")]

    def __str__(self) -> str:
        return f"{self.name}: {self.state}"
