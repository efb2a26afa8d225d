"""The engines that can deliver jobs; each has a file of its own, that is imported where it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from medusa_migrations.errors import DeliveryError, MigrationError, SettingsError
from medusa_migrations.messages import N_, Message


class Kind(NamedTuple):
    """An engine: one of its `packages` has to be there, `needs` tells how that is installed.

    `worker` tells how one is started that serves a queue; `fails` and `cure` what is to be said of one that takes no
    job.
    """

    packages: tuple[str, ...]
    needs: str
    worker: str
    fails: str
    cure: Message


ENGINES = {
    "celery": Kind(
        ("celery",),
        "medusa-migrations[celery]",
        N_("celery -A PROJECT worker -Q {queue}, whose app has autodiscover_tasks()."),
        N_("Celery cannot reach its broker"),
        N_("Start that, or set broker_url of the project's Celery app, which the project's __init__.py has to import."),
    ),
    "procrastinate": Kind(
        ("procrastinate",),
        "medusa-migrations[procrastinate]",
        "python manage.py procrastinate worker -q {queue}",
        N_("Procrastinate cannot take a job"),
        N_("Its tables are made by migrate, with procrastinate.contrib.django in INSTALLED_APPS."),
    ),
    "tasks": Kind(
        ("django.tasks", "django_tasks"),
        N_("Django 6.0 or django-tasks"),
        N_("Start the worker of the backend in the setting TASKS."),
        N_("Django's tasks cannot take a job"),
        N_(
            "The setting TASKS needs a backend that can be used, with its tables made by migrate, and whose QUEUES "
            "have {queue!r}, or are []."
        ),
    ),
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
        try:
            import_module(f"medusa_migrations.engines.{self.name}").send([dict(job) for job in jobs], self.queue)
        except MigrationError:  # of a job that is done at once, where the project has no workers
            raise
        except Exception as error:  # of the broker or the backend that the project has chosen
            kind = ENGINES[self.name]
            reason = str(error.__cause__ or error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
            cure = kind.cure.filled(queue=self.queue)
            raise DeliveryError(
                N_("{problem}: {reason}. {cure}", problem=kind.fails, reason=reason, cure=cure)
            ) from error


def engine(name: object, queue: str, called: str) -> Engine:
    """The engine of that name. Raises SettingsError, which says what it is `called`, for one that cannot be used."""
    if not isinstance(name, str) or name not in ENGINES:
        raise SettingsError(
            N_(
                "{called} is {name!r}. It must be one of {engines}.",
                called=called,
                name=name,
                engines=", ".join(ENGINES),
            )
        )
    kind = ENGINES[name]
    if not any(find_spec(package) for package in kind.packages):  # to import one takes long, and may not be needed
        raise SettingsError(
            N_("{called} is {name!r}, which needs {needs}. Install that.", called=called, name=name, needs=kind.needs)
        )
    return Engine(name, queue)
