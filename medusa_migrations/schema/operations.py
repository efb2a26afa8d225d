"""What the calls of the migration API do to a database, as values: their SQL, and what undoes them.

Tables and keys are made by Django's schema editor, so that they are what a Django migration would make. What removes
something is SQL of its own: Django's drops with CASCADE, which takes along what nobody has named.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from django.db import models

from medusa_migrations.sql.names import literal, quoted, quoted_table

from .fields import Field, Fields, extras, model_of
from .inspection import HAS_TABLE
from .target import Target

ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")

_NAME_OF_PRIMARY_KEY = """
SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = pg_catalog.to_regclass(%s) AND contype = 'p'
"""
_NULLABLE = """
SELECT attname FROM pg_catalog.pg_attribute
WHERE attrelid = pg_catalog.to_regclass(%s) AND attname = ANY(%s) AND NOT attnotnull
"""
_CONSTRAINT = """
SELECT contype::text FROM pg_catalog.pg_constraint WHERE conrelid = pg_catalog.to_regclass(%s) AND conname = %s
"""
_TABLE_OF_INDEX = """
SELECT indrelid = pg_catalog.to_regclass(%s) FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass(%s)
"""


class IrreversibleError(Exception):
    """No call undoes it; the text says which it is, and why, `line` where the migration file makes it."""

    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of the migration API. `line` is where the migration file makes it, if that is known."""

    call: str
    about: ClassVar[tuple[str, ...]] = ("table",)
    line: int | None = None

    @property
    def subject(self) -> str:
        """What it is about, in few words."""
        return ".".join(str(getattr(self, name)) for name in self.about)

    def __str__(self) -> str:
        return f"{self.call} {self.subject}"

    def inverse(self) -> SqlOperation | Together:
        """What undoes it. Raises IrreversibleError."""
        raise IrreversibleError(f"{self.call} cannot be undone")


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlOperation(Operation, ABC):
    """One that is SQL and nothing else."""

    @abstractmethod
    def apply(self, target: Target) -> None:
        """Carry it out. Raises django.db.Error, and ValueError or LookupError for what is not there."""


def _if_exists(yes: bool) -> str:
    return "IF EXISTS " if yes else ""


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
    """Of a table, a view or a schema: `kind` is as SQL has it."""

    kind: str
    about = ("name",)
    name: str
    if_exists: bool = False

    def apply(self, target: Target) -> None:
        target.execute(f"DROP {self.kind} {_if_exists(self.if_exists)}{quoted_table(self.name)}")


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
            f"ALTER TABLE {_if_exists(self.if_exists)}{quoted_table(self.table)} "
            f"DROP COLUMN {_if_exists(self.if_exists)}{quoted(self.column)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePrimaryKey(SqlOperation):
    call: str = "create_primary_key"
    table: str
    columns: Sequence[str]
    name: str

    @property
    def subject(self) -> str:
        return f"{self.table} ({', '.join(self.columns)})"

    def apply(self, target: Target) -> None:
        nullable = target.rows(_NULLABLE, [quoted_table(self.table), list(self.columns)])
        if nullable and target.previewed is None:
            # PostgreSQL would make them NOT NULL, and leave that behind when the key is dropped.
            raise ValueError(
                f"the column {nullable[0][0]} of {self.table} may be NULL: make it NOT NULL with alter_column first"
            )
        target.execute(
            f"ALTER TABLE {quoted_table(self.table)} ADD CONSTRAINT {quoted(self.name)} PRIMARY KEY "
            f"({', '.join(map(quoted, self.columns))})"
        )

    def inverse(self) -> SqlOperation | Together:
        return DropConstraint(call="drop_primary_key", contype="p", table=self.table, name=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPrimaryKey(SqlOperation):
    call: str = "drop_primary_key"
    table: str
    if_exists: bool = False

    def apply(self, target: Target) -> None:
        for (name,) in target.rows(_NAME_OF_PRIMARY_KEY, [quoted_table(self.table)]):
            return target.execute(f"ALTER TABLE {quoted_table(self.table)} DROP CONSTRAINT {quoted(name)}")
        if not self.if_exists:
            raise LookupError(f"the table {self.table} has no primary key")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateForeignKey(SqlOperation):
    call: str = "create_foreign_key"
    table: str
    column: str
    to_table: str
    to_column: str
    name: str
    on_delete: str | None = None
    deferrable: models.Deferrable | None = None

    @property
    def subject(self) -> str:
        return f"{self.table}.{self.column} to {self.to_table}.{self.to_column}"

    def apply(self, target: Target) -> None:
        action = f" ON DELETE {self.on_delete}" if self.on_delete else ""
        initially = f" DEFERRABLE INITIALLY {self.deferrable.name}" if self.deferrable else ""
        target.execute(
            f"ALTER TABLE {quoted_table(self.table)} ADD CONSTRAINT {quoted(self.name)} FOREIGN KEY "
            f"({quoted(self.column)}) REFERENCES {quoted_table(self.to_table)} ({quoted(self.to_column)}){action}"
            f"{initially}"
        )

    def inverse(self) -> SqlOperation | Together:
        return DropConstraint(call="drop_foreign_key", contype="f", table=self.table, name=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropConstraint(SqlOperation):
    """A key or a check of the type `contype`, as the catalog has it; a unique one with a condition is an index."""

    contype: str
    about = ("table", "name")
    table: str
    name: str
    if_exists: bool = False

    def apply(self, target: Target) -> None:
        found = target.rows(_CONSTRAINT, [quoted_table(self.table), self.name])
        if found and found[0][0] != self.contype:
            raise ValueError(f"{self.name} of {self.table} is another kind of constraint")
        if not found and self.contype == "u" and is_index(target, self.table, self.name):
            return DropIndex(table=self.table, name=self.name, if_exists=self.if_exists).apply(target)
        return target.execute(
            f"ALTER TABLE {_if_exists(self.if_exists)}{quoted_table(self.table)} "
            f"DROP CONSTRAINT {_if_exists(self.if_exists)}{quoted(self.name)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateConstraint(SqlOperation):
    """A unique, check or exclusion constraint of Django's; `contype` is as the catalog has it."""

    contype: str
    table: str
    constraint: models.BaseConstraint

    @property
    def subject(self) -> str:
        return f"{self.table}.{self.constraint.name}"

    def apply(self, target: Target) -> None:
        target.editor.add_constraint(target.model(self.table), self.constraint)

    def inverse(self) -> SqlOperation | Together:
        return DropConstraint(
            call=self.call.replace("create", "drop"), contype=self.contype, table=self.table, name=self.constraint.name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateIndex(SqlOperation):
    call: str = "create_index"
    table: str
    index: models.Index

    @property
    def subject(self) -> str:
        return f"{self.table}.{self.index.name}"

    def apply(self, target: Target) -> None:
        target.editor.add_index(target.model(self.table), self.index)

    def inverse(self) -> SqlOperation | Together:
        return DropIndex(table=self.table, name=self.index.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropIndex(SqlOperation):
    call: str = "drop_index"
    about = ("table", "name")
    table: str
    name: str
    if_exists: bool = False

    def apply(self, target: Target) -> None:
        if is_index(target, self.table, self.name) is False:
            raise LookupError(f"{self.name} is an index of another table than {self.table}")
        target.execute(f"DROP INDEX {_if_exists(self.if_exists)}{_index_name(self.table, self.name)}")


def is_index(target: Target, table: str, name: str) -> bool | None:
    """Whether an index is the table's; None if there is none of that name."""
    found = target.rows(_TABLE_OF_INDEX, [quoted_table(table), _index_name(table, name)])
    return bool(found[0][0]) if found else None


def _index_name(table: str, name: str) -> str:
    """An index is in the schema of its table."""
    schema, dot, _ = table.rpartition(".")
    return f"{quoted_table(schema)}{dot}{quoted(name)}" if dot else quoted(name)


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
        target.execute(f"CREATE SCHEMA {quoted_table(self.name)}")

    def inverse(self) -> SqlOperation | Together:
        return Drop(call="drop_schema", kind="SCHEMA", name=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(SqlOperation):
    """SQL of the author's own; `reverse_sql` is None where nothing is said to undo it, and empty for nothing to do."""

    call: str = "query"
    sql: str
    params: Any = None
    reverse_sql: str | None = None

    @property
    def subject(self) -> str:
        return " ".join(self.sql.split())

    def apply(self, target: Target) -> None:
        if self.sql.strip():
            target.editor.execute(self.sql, self.params)

    def inverse(self) -> SqlOperation | Together:
        if self.reverse_sql is None:
            raise IrreversibleError("query without reverse_sql= cannot be undone")
        return Query(sql=self.reverse_sql)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFrom(Operation):
    """Rows that come from Python, which is all that is known of them before it is done."""

    call: str = "copy_from"
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill(Operation):
    """An UPDATE in batches; `set` and `where` are SQL, or what Django's update() and filter() take."""

    call: str = "backfill"
    table: str
    set: str | Mapping[str, Any]
    where: str | models.Q | None = None
    params: Mapping[str, Any] | None = None
    batch: int = 10_000
    pause: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Together(Operation):
    """The operations of a transaction."""

    call: str = "transaction"
    operations: Sequence[Operation]

    @property
    def subject(self) -> str:
        return "of " + ", ".join(str(one) for one in self.operations)

    def inverse(self) -> SqlOperation | Together:
        return replace(self, operations=inverses(self.operations))


def inverses(operations: Sequence[Operation]) -> list[SqlOperation | Together]:
    """What undoes `operations`, the last of them first. Raises IrreversibleError, of the first that cannot be."""
    return [_inverse(one) for one in operations][::-1]


def _inverse(operation: Operation) -> SqlOperation | Together:
    try:
        return replace(operation.inverse(), line=operation.line)
    except IrreversibleError as error:
        error.line = error.line or operation.line
        raise
