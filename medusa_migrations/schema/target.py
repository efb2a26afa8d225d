"""Where the operations of the migration API are applied: to a database, or to a preview of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from .fields import Field, Fields, model_of, read_fields

# The columns of tables: their fields by name, by the table's name.
TableFields = dict[str, dict[str, Field]]


@dataclass(slots=True)
class Target:
    """A schema editor of Django's, to which operations are applied.

    In a preview the editor only collects SQL, and `previewed` has the columns of tables as the operations so far would
    leave them, empty for a table that would be gone. It is None where operations take effect.
    """

    editor: BaseDatabaseSchemaEditor
    previewed: TableFields | None = None

    def execute(self, sql: str) -> None:
        """Send `sql`, or collect it in a preview. Raises django.db.Error."""
        self.editor.execute(sql, None)

    def rows(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The rows of a query, which is sent in a preview too. Raises django.db.Error."""
        with self.editor.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def model(self, table: str) -> type[models.Model]:
        """A model of the table as it is, good for expressions and conditions. Raises LookupError for no such table."""
        fields = self.fields(table)
        if not fields:
            raise LookupError(f"there is no table {table}")
        return model_of(table, fields)

    def fields(self, table: str) -> dict[str, Field]:
        """The columns of a table as fields by name: as it is, or in a preview would be; empty for no such table."""
        if self.previewed is None:
            return read_fields(self.editor.connection, table)
        if table not in self.previewed:
            self.previewed[table] = read_fields(self.editor.connection, table)
        return self.previewed[table]

    def note_renamed(self, old: str, new: str) -> None:
        """Have a preview know the table `old` as `new`."""
        if self.previewed is not None:
            self.previewed[new] = self.fields(old)
            self.previewed[old] = {}

    def note_columns(self, table: str, old: str | None = None, new: Fields | None = None) -> None:
        """Have a preview know the table without the column `old`, and with the columns `new`."""
        if self.previewed is not None:
            fields = self.fields(table)
            fields.pop(old or "", None)
            fields.update(new or {})
