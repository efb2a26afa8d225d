"""Delivery by Django's tasks, or by django-tasks where Django has none, through the backend of the setting TASKS."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import django
from django.core.exceptions import ImproperlyConfigured

from medusa_migrations.errors import DeliveryError

from . import work
from .engine import Job

_PACKAGE = "django.tasks" if django.VERSION >= (6,) else "django_tasks"

_tasks = import_module(_PACKAGE)
_exceptions = import_module(f"{_PACKAGE}.exceptions")


@_tasks.task  # type: ignore[untyped-decorator]  # of one of two packages
def do(job: Job) -> str:
    """What a worker finds by the path of this function."""
    return work.do(job)


def send(jobs: Sequence[Job], queue: str) -> None:
    """Raises DeliveryError where the backend does not take them."""
    try:
        for job in jobs:
            do.using(queue_name=queue).enqueue(job)
    except (_exceptions.TaskException, ImproperlyConfigured) as error:
        raise DeliveryError(
            f"Django's tasks cannot take a job: {error} The setting TASKS needs a backend whose QUEUES have "
            f"{queue!r}, or are []."
        ) from None
