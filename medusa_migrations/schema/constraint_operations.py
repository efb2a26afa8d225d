"""What the calls for keys, constraints and indexes do.

The method of Schema that is named as a class, or as its `call`, says what it does and what its values are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import models

from medusa_migrations.sql.names import quoted, quoted_table

from .operations import SqlOperation, Together, if_exists_clause
from .target import Target

ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")

_NAME_OF_PRIMARY_KEY = """
SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = pg_catalog.to_regclass(%s)::oid AND contype = 'p'
"""
_NULLABLE = """
SELECT attname FROM pg_catalog.pg_attribute
WHERE attrelid = pg_catalog.to_regclass(%s)::oid AND attname = ANY(%s) AND NOT attnotnull
"""
_CONSTRAINT = """
SELECT contype::text FROM pg_catalog.pg_constraint WHERE conrelid = pg_catalog.to_regclass(%s)::oid AND conname = %s
"""
_TABLE_OF_INDEX = """
SELECT indrelid = pg_catalog.to_regclass(%s)::oid FROM pg_catalog.pg_index
WHERE indexrelid = pg_catalog.to_regclass(%s)::oid
"""


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
    """The drop of a constraint of the type `contype`: pg_constraint's letter, which the found one must have.

    A unique constraint with a condition is an index in PostgreSQL, and is dropped as one.
    """

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
            f"ALTER TABLE {if_exists_clause(self.if_exists)}{quoted_table(self.table)} "
            f"DROP CONSTRAINT {if_exists_clause(self.if_exists)}{quoted(self.name)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateConstraint(SqlOperation):
    """A unique, check or exclusion constraint of Django's; `contype` is pg_constraint's letter for it."""

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
        target.execute(f"DROP INDEX {if_exists_clause(self.if_exists)}{_index_name(self.table, self.name)}")


def is_index(target: Target, table: str, name: str) -> bool | None:
    """Whether the index `name` is one of `table`; None if there is no index of that name in the table's schema."""
    found = target.rows(_TABLE_OF_INDEX, [quoted_table(table), _index_name(table, name)])
    return bool(found[0][0]) if found else None


def _index_name(table: str, name: str) -> str:
    """The index's name in SQL, with the schema of its table, where it always is."""
    schema, dot, _ = table.rpartition(".")
    return f"{quoted_table(schema)}{dot}{quoted(name)}" if dot else quoted(name)
