"""The calls of the migration API as values: what each does to a database, and what undoes it.

Tables and keys are made by Django's schema editor, so that they are what a Django migration would make. What removes
something is SQL of its own: Django's drops with CASCADE, which takes along what nobody has named.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from django.db import models

from .target import Target


class IrreversibleError(Exception):
    """A call that no call undoes. Its text says which and why; `line` is the migration file's, None if not known."""

    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of the migration API.

    `call` is the name of the method of Schema, `line` the line of the migration file that calls it, None if that is not
    known. `about` are the fields whose values name the object of the call, in the words of a plan.
    """

    call: str
    about: ClassVar[tuple[str, ...]] = ("table",)
    line: int | None = None

    @property
    def subject(self) -> str:
        """The object of the call, such as `blog_post.title`."""
        return ".".join(str(getattr(self, name)) for name in self.about)

    def __str__(self) -> str:
        return f"{self.call} {self.subject}"

    def inverse(self) -> SqlOperation | Together:
        """The operation that undoes this one. Raises IrreversibleError if there is none."""
        raise IrreversibleError(f"{self.call} cannot be undone")


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlOperation(Operation, ABC):
    """An operation that consists of SQL which a schema editor can send, or collect for a preview."""

    @abstractmethod
    def apply(self, target: Target) -> None:
        """Send the SQL to `target`.

        Raises django.db.Error for what PostgreSQL refuses, ValueError or LookupError for what does not fit its tables.
        """


def if_exists_clause(yes: bool) -> str:
    """IF EXISTS and a space for a DROP, or nothing."""
    return "IF EXISTS " if yes else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(SqlOperation):
    """SQL of the author's own; `reverse_sql` undoes it: None if nothing can, empty if nothing is to be undone."""

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
    """Rows from Python, added with COPY; what they are is not known before they are sent."""

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
    """The operations of one transaction or savepoint, all of which take effect or none."""

    call: str = "transaction"
    operations: Sequence[Operation]

    @property
    def subject(self) -> str:
        return "of " + ", ".join(str(one) for one in self.operations)

    def inverse(self) -> SqlOperation | Together:
        return replace(self, operations=inverses(self.operations))


def inverses(operations: Sequence[Operation]) -> list[SqlOperation | Together]:
    """What undoes `operations`, the last of them first. Raises IrreversibleError for the first that nothing undoes."""
    return [_inverse(one) for one in operations][::-1]


def _inverse(operation: Operation) -> SqlOperation | Together:
    try:
        return replace(operation.inverse(), line=operation.line)
    except IrreversibleError as error:
        error.line = error.line or operation.line
        raise
