"""The models beside what the migrations made in the scratch database."""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.db import Error

from medusa_migrations.database.interruption import Interruption
from medusa_migrations.database.postgresql import server_error
from medusa_migrations.errors import DatabaseError, PlanError
from medusa_migrations.files.owned import owned
from medusa_migrations.files.sources import is_installed_package
from medusa_migrations.generate.app import compare_models
from medusa_migrations.messages import joined
from medusa_migrations.migration import Migration

from .lacking import is_of_the_server


def differences_of_models(
    migrations: Iterable[Migration], database: str, interruption: Interruption
) -> tuple[str, ...]:
    """What differs, in words, in the apps whose tables `migrations` make and whose files are the project's.

    Raises DatabaseError where the server is at fault, and not the models, and StopRequested.
    """
    labels = sorted(owned({migration.id.app for migration in migrations}))
    own = [label for label in labels if not is_installed_package(apps.get_app_config(label))]
    return tuple(
        joined(": ", [label, change]) for label in own for change in _differences(label, database, interruption)
    )


def _differences(label: str, database: str, interruption: Interruption) -> Iterable[str]:
    try:
        return compare_models(label, database, interruption)
    except PlanError as error:
        return (error.args[0],)
    except DatabaseError as error:
        if not isinstance(error.__cause__, Error) or is_of_the_server(server_error(error.__cause__)):
            raise
        return (error.args[0],)
