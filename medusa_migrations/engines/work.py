"""What a worker does with a job, whichever engine has delivered it."""

from __future__ import annotations

from django.utils.module_loading import import_string

from .engine import Job

# Who takes a job, by its "what". They import engines, so they are named here and not imported.
TAKERS = {"fleet": "medusa_migrations.fleet.job.do", "run": "medusa_migrations.run.job.do"}

# The name of the task by which engines know `do`.
TASK = "medusa_migrations.work"


# Said of what this version does not understand, as no worker is to fail by it.
NOT_WANTED = "not wanted: a job of another version of medusa_migrations"


def do(job: Job) -> str:
    """Do what a job says; gives in words what became of it, for the worker's log."""
    taker = TAKERS.get(str(job.get("what"))) if isinstance(job, dict) else None
    return import_string(taker)(job) if taker else NOT_WANTED
