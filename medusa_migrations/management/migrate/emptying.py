"""A test database that is emptied of its tables and of Django's history, as django-test-migrations does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from medusa_migrations.models import AppliedMigration


def forget_with_django(connection: BaseDatabaseWrapper) -> None:
    """Have the history of SQL migrations emptied whenever Django's is, so that `migrate` makes their tables again.

    Django's own flush keeps both (`django_table_names` has neither). What empties Django's history names its table to
    `sql_flush`, which is replaced for this one connection of a test process.
    """
    theirs = type(connection.ops)
    history = AppliedMigration._meta.db_table

    def sql_flush(style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        goes = MigrationRecorder.Migration._meta.db_table in tables
        there = goes and history in connection.introspection.table_names()
        return theirs.sql_flush(connection.ops, style, [*tables, history] if there else tables, **options)

    vars(connection.ops).update(sql_flush=sql_flush)
