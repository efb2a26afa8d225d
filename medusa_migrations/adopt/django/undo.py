"""What Django sends to undo a migration that was applied last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import transaction
from django.db.migrations import Migration as DjangoMigration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from medusa_migrations.run.prerequisites import in_database

from .record import Record, recording
from .renames import Names, names, renames


class Before(NamedTuple):
    """What there was before a migration was applied: Django's state, and the names of constraints and indexes."""

    state: ProjectState
    names: Names


class Undone(NamedTuple):
    """What has undone a migration, and what gives the names back that Django gives otherwise."""

    record: Record
    renames: list[str]


class _Failed(Exception):
    """Django cannot undo a migration, for the reason that this says."""


_Way = Callable[[Any, DjangoMigration, Before], Undone]


def undone(connection: Any, migration: DjangoMigration, before: Before) -> Undone | str | None:
    """How Django undoes a migration, which stays applied; None if it is irreversible, or why Django fails.

    It is really undone, and that rolled back: what an operation asks the database for is what the one behind it has
    left. What cannot be in a transaction is collected, and asks what is there with all of the migration applied.
    """
    if irreversible(migration):
        return None
    try:
        return _carefully(_rolled_back, connection, migration, before)
    except _Failed as failed:
        reason = str(failed)
    if migration.atomic:
        return reason
    try:
        return _carefully(_collected, connection, migration, before)
    except _Failed as failed:
        return str(failed)


def irreversible(migration: DjangoMigration) -> Operation | None:
    """The first operation for which Django refuses to undo the migration."""
    operations = [*migration.operations, *in_database(migration.operations)]
    return next((one for one in operations if not one.reversible), None)


def _carefully(way: _Way, connection: Any, migration: DjangoMigration, before: Before) -> Undone:
    try:
        return way(connection, migration, before)
    except Exception as error:  # the author's code
        raise _Failed(" ".join(f"{type(error).__name__}: {error}".split())) from error


def _rolled_back(connection: Any, migration: DjangoMigration, before: Before) -> Undone:
    with recording(connection, migration) as record, transaction.atomic(connection.alias):
        with connection.schema_editor(atomic=True) as editor:
            migration.unapply(before.state, editor)
        left = names(connection)
        transaction.set_rollback(True, connection.alias)
    return Undone(record, renames(left, before.names))


def _collected(connection: Any, migration: DjangoMigration, before: Before) -> Undone:
    with (
        recording(connection, migration) as record,
        connection.schema_editor(atomic=False, collect_sql=True) as editor,
    ):
        migration.unapply(before.state, editor, collect_sql=True)
    return Undone(record, [])
