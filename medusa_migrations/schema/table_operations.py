"""What the calls for tables, columns, views and schemas do.

The method of Schema that is named as a class, or as its `call`, says what it does and what its values are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import models

from medusa_migrations.sql.names import literal, quoted, quoted_table

from .fields import Field, Fields, extras, model_of
from .inspection import HAS_TABLE
from .operations import IrreversibleError, SqlOperation, Together, if_exists_clause
from .target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTable(SqlOperation):
    call: str = "create_table"
    table: str
    columns: Fields
    constraints: Sequence[models.BaseConstraint] = ()
    indexes: Sequence[models.Index] = ()
    if_not_exists: bool = False

    def apply(self, target: Target) -> None:
        target.note_columns(self.table, new=self.columns)
        if self.if_not_exists and target.rows(HAS_TABLE, [quoted_table(self.table)])[0][0]:
            return
        target.editor.create_model(
            model_of(self.table, self.columns, constraints=self.constraints, indexes=self.indexes)
        )

    def inverse(self) -> SqlOperation | Together:
        if self.if_not_exists:
            raise IrreversibleError("create_table with if_not_exists: nobody knows then who made the table")
        return Drop(call="drop_table", kind="TABLE", name=self.table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(SqlOperation):
    """The drop of a table, a view or a schema: `kind` is the SQL word for it, TABLE, VIEW or SCHEMA."""

    kind: str
    about = ("name",)
    name: str
    if_exists: bool = False

    def apply(self, target: Target) -> None:
        name = quoted(self.name) if self.kind == "SCHEMA" else quoted_table(self.name)
        target.execute(f"DROP {self.kind} {if_exists_clause(self.if_exists)}{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameTable(SqlOperation):
    call: str = "rename_table"
    old: str
    new: str

    @property
    def subject(self) -> str:
        return f"{self.old} to {self.new}"

    def apply(self, target: Target) -> None:
        target.note_renamed(self.old, self.renamed)
        target.execute(f"ALTER TABLE {quoted_table(self.old)} RENAME TO {quoted_table(self.new)}")

    @property
    def renamed(self) -> str:
        """The new name, with the schema of the old one."""
        schema, dot, _ = self.old.rpartition(".")
        return f"{schema}{dot}{self.new}"

    def inverse(self) -> SqlOperation | Together:
        return RenameTable(old=self.renamed, new=self.old.rpartition(".")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentTable(SqlOperation):
    call: str = "comment_table"
    table: str
    text: str
    old: str

    def apply(self, target: Target) -> None:
        target.execute(f"COMMENT ON TABLE {quoted_table(self.table)} IS {literal(self.text or None)}")

    def inverse(self) -> SqlOperation | Together:
        return replace(self, text=self.old, old=self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearTable(SqlOperation):
    call: str = "clear_table"
    table: str

    def apply(self, target: Target) -> None:
        target.execute(f"TRUNCATE TABLE {quoted_table(self.table)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddColumn(SqlOperation):
    call: str = "add_column"
    about = ("table", "column")
    table: str
    column: str
    field: Field

    def apply(self, target: Target) -> None:
        target.note_columns(self.table, new={self.column: self.field})
        others = target.fields(self.table) if getattr(self.field, "generated", False) else {}
        model = model_of(self.table, {**others, self.column: self.field})
        target.editor.add_field(model, model._meta.get_field(self.column))  # type: ignore[arg-type]  # no relation

    def inverse(self) -> SqlOperation | Together:
        return DropColumn(table=self.table, column=self.column)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameColumn(SqlOperation):
    call: str = "rename_column"
    table: str
    old: str
    new: str

    @property
    def subject(self) -> str:
        return f"{self.table}.{self.old} to {self.new}"

    def apply(self, target: Target) -> None:
        old = target.fields(self.table).get(self.old) if target.previewed is not None else None
        target.note_columns(self.table, self.old, {self.new: old} if old else {})
        target.execute(f"ALTER TABLE {quoted_table(self.table)} RENAME COLUMN {quoted(self.old)} TO {quoted(self.new)}")

    def inverse(self) -> SqlOperation | Together:
        return replace(self, old=self.new, new=self.old)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterColumn(SqlOperation):
    call: str = "alter_column"
    about = ("table", "column")
    table: str
    column: str
    old: Field
    new: Field

    def apply(self, target: Target) -> None:
        target.note_columns(self.table, new={self.column: self.new})
        if "." in self.table and (extras(self.old) | extras(self.new)):
            # Django looks for the names of those where no schema need be named.
            raise ValueError(
                f"{self.table} is in a schema of its own, where alter_column cannot see to keys, indexes and checks of "
                "a column: use query"
            )
        before, after = (model_of(self.table, {self.column: one}) for one in (self.old, self.new))
        target.editor.alter_field(
            before,
            before._meta.get_field(self.column),  # type: ignore[arg-type]  # no relation
            after._meta.get_field(self.column),  # type: ignore[arg-type]  # no relation
        )

    def inverse(self) -> SqlOperation | Together:
        gone = sorted(extras(self.old) - extras(self.new))
        if gone:
            raise IrreversibleError(
                f"alter_column takes away {gone[0]}, whose name and state nobody knows then, so it cannot be undone"
            )
        return replace(self, old=self.new, new=self.old)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropColumn(SqlOperation):
    call: str = "drop_column"
    about = ("table", "column")
    table: str
    column: str
    if_exists: bool = False

    def apply(self, target: Target) -> None:
        target.note_columns(self.table, self.column)
        target.execute(
            f"ALTER TABLE {if_exists_clause(self.if_exists)}{quoted_table(self.table)} "
            f"DROP COLUMN {if_exists_clause(self.if_exists)}{quoted(self.column)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateView(SqlOperation):
    call: str = "create_view"
    about = ("name",)
    name: str
    sql: str

    def apply(self, target: Target) -> None:
        target.execute(f"CREATE VIEW {quoted_table(self.name)} AS\n{self.sql.strip().rstrip(';')}")

    def inverse(self) -> SqlOperation | Together:
        return Drop(call="drop_view", kind="VIEW", name=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSchema(SqlOperation):
    call: str = "create_schema"
    about = ("name",)
    name: str

    def apply(self, target: Target) -> None:
        target.execute(f"CREATE SCHEMA {quoted(self.name)}")

    def inverse(self) -> SqlOperation | Together:
        return Drop(call="drop_schema", kind="SCHEMA", name=self.name)
