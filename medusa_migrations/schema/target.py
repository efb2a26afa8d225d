"""Where the operations of the migration API are carried out, or only told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from .fields import Field, Fields, model_of, read_fields

Made = dict[str, dict[str, Field]]


@dataclass(slots=True)
class Target:
    """Where operations are carried out.

    With `made` they are not, but only told: those are the columns of tables as earlier operations would leave them.
    """

    editor: BaseDatabaseSchemaEditor
    made: Made | None = None

    def execute(self, sql: str) -> None:
        self.editor.execute(sql, None)

    def rows(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self.editor.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def model(self, table: str) -> type[models.Model]:
        """The table as it is, as far as expressions and conditions need it. Raises LookupError if there is none."""
        fields = self.fields(table)
        if not fields:
            raise LookupError(f"there is no table {table}")
        return model_of(table, fields)

    def fields(self, table: str) -> dict[str, Field]:
        """The columns of a table as it is, or as it would be."""
        if self.made is None:
            return read_fields(self.editor.connection, table)
        if table not in self.made:
            self.made[table] = read_fields(self.editor.connection, table)
        return self.made[table]

    def told_renamed(self, old: str, new: str) -> None:
        """Have a told table under another name."""
        if self.made is not None:
            self.made[new] = self.fields(old)
            self.made[old] = {}

    def told(self, table: str, old: str | None = None, new: Fields | None = None) -> None:
        """Have a told table without the column `old`, and with the columns `new`."""
        if self.made is not None:
            fields = self.fields(table)
            fields.pop(old or "", None)
            fields.update(new or {})
