"""Delivery by Procrastinate, through the tables of procrastinate.contrib.django."""

from __future__ import annotations

from collections.abc import Sequence

from procrastinate.contrib.django import app

from . import work
from .engine import Job


def _do(job: Job) -> str:
    return work.do(job)


task = app.task(name=work.TASK)(_do)


def send(jobs: Sequence[Job], queue: str) -> None:
    """Raises what Procrastinate raises where the jobs cannot be written."""
    task.configure(queue=queue).batch_defer(*({"job": job} for job in jobs))
