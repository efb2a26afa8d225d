"""Delivery by Procrastinate, through the tables of procrastinate.contrib.django."""

from __future__ import annotations

from collections.abc import Sequence

from procrastinate.contrib.django import app
from procrastinate.exceptions import ProcrastinateException

from medusa_migrations.errors import DeliveryError

from . import work
from .engine import Job


def _do(job: Job) -> str:
    return work.do(job)


task = app.task(name=work.TASK)(_do)


def send(jobs: Sequence[Job], queue: str) -> None:
    """Raises DeliveryError where the jobs cannot be written."""
    try:
        task.configure(queue=queue).batch_defer(*({"job": job} for job in jobs))
    except ProcrastinateException as error:
        raise DeliveryError(
            f"Procrastinate cannot take a job: {error.__cause__ or error}. Its tables are made by migrate, "
            "with procrastinate.contrib.django in INSTALLED_APPS."
        ) from None
