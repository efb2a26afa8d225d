"""Delivery by Django's tasks, or by django-tasks where Django has none, through the backend of the setting TASKS."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import django

from . import work
from .engine import Job

_PACKAGE = "django.tasks" if django.VERSION >= (6,) else "django_tasks"

_tasks = import_module(_PACKAGE)


@_tasks.task  # type: ignore[untyped-decorator]  # of one of two packages
def do(job: Job) -> str:
    """What a worker finds by the path of this function."""
    return work.do(job)


def send(jobs: Sequence[Job], queue: str) -> None:
    """Raises what the backend raises."""
    for job in jobs:
        do.using(queue_name=queue).enqueue(job)
