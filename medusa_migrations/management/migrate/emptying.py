"""A test database that is emptied of its tables and of Django's history, as django-test-migrations does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from medusa_migrations.database.place import TABLE, Place


def forget_with_django(connection: BaseDatabaseWrapper) -> None:
    """Have the history of SQL migrations emptied whenever Django's is, so that `migrate` makes their tables again.

    Django's own flush keeps both (`django_table_names` has neither). What empties Django's history names its table to
    `sql_flush`, which is replaced for this one connection of a test process.
    """
    theirs = type(connection.ops)
    schema = Place.of(connection.alias).schema
    history = f'"{schema}"."{TABLE}"' if schema else TABLE  # Django leaves a name in quotes as it is

    def sql_flush(style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        goes = MigrationRecorder.Migration._meta.db_table in tables and _is_there(connection, history)
        return theirs.sql_flush(connection.ops, style, [*tables, history] if goes else tables, **options)

    vars(connection.ops).update(sql_flush=sql_flush)


def _is_there(connection: BaseDatabaseWrapper, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", [table])
        return bool(cursor.fetchone()[0])
