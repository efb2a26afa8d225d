"""The engines that can deliver jobs; each has a file of its own, that is imported where it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from medusa_migrations.errors import SettingsError

# The name of each engine, and what has to be installed for it.
ENGINES = {
    "celery": "medusa-migrations[celery]",
    "procrastinate": "medusa-migrations[procrastinate]",
    "tasks": "Django 6.0 or later, or django-tasks",
}

# Where jobs wait for a worker, unless a setting says otherwise.
QUEUE = "medusa_fleet"

# What a worker is to do, as JSON has it: "what" names who takes it, as in `work`.
Job = Mapping[str, Any]


class Engine(NamedTuple):
    """Delivers jobs to the workers that serve a queue."""

    name: str
    queue: str

    def send(self, jobs: Sequence[Job]) -> None:
        """Have each job done some time, somewhere; it may be delivered twice, late or never.

        Raises DeliveryError where the engine does not take them.
        """
        _module(self.name).send([dict(job) for job in jobs], self.queue)


def engine(name: str, queue: str, called: str) -> Engine:
    """The engine of that name. Raises SettingsError, which says what it is `called`, for one that cannot be used."""
    if name not in ENGINES:
        raise SettingsError(f"{called} is {name!r}. It must be one of {', '.join(ENGINES)}.")
    try:
        _module(name)
    except ImportError as error:
        raise SettingsError(f"{called} is {name!r}, which needs {ENGINES[name]}: {error}.") from None
    return Engine(name, queue)


def _module(name: str) -> Any:
    return importlib.import_module(f"medusa_migrations.engines.{name}")
