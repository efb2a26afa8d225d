"""Values for rows that are there, in a column that is new or becomes NOT NULL: the model's default, or a person's."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.models import DateTimeField, Field, UUIDField
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone

from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_

from .compare import Change
from .remade import Place
from .tables import Column, Table, Tables

# What existing rows get in a NOT NULL column without a default, by the type's beginning. A person looks at it.
_ZERO_VALUES = {
    "character": "''",
    "text": "''",
    "citext": "''",
    "boolean": "false",
    "timestamp": "CURRENT_TIMESTAMP",
    "date": "CURRENT_DATE",
    "time": "CURRENT_TIME",
    "interval": "'0'",
    "uuid": "gen_random_uuid()",
    "json": "'{}'",
    "jsonb": "'{}'",
    "bytea": "''",
    "integer": "0",
    "bigint": "0",
    "smallint": "0",
    "numeric": "0",
    "double": "0",
    "real": "0",
    "inet": "'0.0.0.0'",
}

# What Django itself sends around the call of a function.
_TRANSACTION = re.compile("SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT")


@dataclass(frozen=True, slots=True)
class Value:
    """SQL for a column's value in rows that are there, and a `note` that says what somebody should look at.

    Without SQL somebody has to fill the column, and the note is the reason.
    """

    sql: str | None
    note: str = ""


def zero_value(type_: str) -> str | None:
    """SQL for the value of a type that stands for nothing, such as 0 or '', or None if there is none that is known."""
    if type_.endswith("[]"):
        return "'{}'"
    word = re.match(r"[a-z]+", type_)
    is_known = word is not None and re.fullmatch(r"[a-z ]+(\([0-9,]+\)[a-z ]*)?", type_) is not None
    return _ZERO_VALUES.get(word[0]) if word and is_known else None


def value_for_old_rows(values: Mapping[Place, Value], table: Table, column: Column) -> tuple[str | None, str]:
    """SQL for a column's value in rows that are there, and what to look at; None where nothing can be invented.

    `values` are those that somebody gave, or a field.
    """
    if given := values.get((table.name, column.name)):
        return given.sql, given.note
    if column.default is not None or table.is_key(column.name):
        return column.default, ""
    value = zero_value(column.type)
    note = N_(
        "Rows that are there get {value} in {table}.{column}, which has no default. Put in what is right.",
        value=value,
        table=table.name,
        column=column.name,
    )
    return value, note if value is not None else ""


def find_values(
    session: Session,
    fields: Mapping[Place, Field[Any, Any]],
    changes: Iterable[Change],
    target: Tables,
    ask: Callable[[str, str], str | None],
) -> dict[Place, Value]:
    """What rows that are there get in the columns of `target` that `changes` add or make required, by their place.

    It is the default of the field among `fields`. Where there is none, `ask` is called with `table.column` and the SQL
    for what stands for nothing; where that gives None, there is no value. Raises PlanError if a default cannot be had.
    """
    found = {}
    for change in changes:
        new = change.new
        if not isinstance(new, Column) or not _needs_value(change.old, new):
            continue
        place = (change.table, new.name)
        value = _default(session, fields.get(place), target[change.table], new.name)
        if value is None and new.not_null and not target[change.table].is_key(new.name):
            answer = ask(".".join(place), zero_value(new.type) or "none")
            value = Value(answer) if answer is not None else None
        if value is not None:
            found[place] = value
    return found


def _needs_value(old: object, new: Column) -> bool:
    """Whether a column is added, or becomes required, and nothing fills it."""
    becomes_required = isinstance(old, Column) and new.not_null and not old.not_null
    return not new.fills_itself and (old is None or becomes_required)


def _default(session: Session, field: Field[Any, Any] | None, table: Table, column: str) -> Value | None:
    """A field's default; None where it has none, and for one value of a function's where rows must differ."""
    if field is None or field.primary_key:
        return None
    place = f"{table.name}.{column}"
    if not _is_called_once(field):
        is_shared = table.is_unique(column) and not _function(field)
        note = N_("Rows that are there get one value in {place}, which is unique: for several this fails.", place=place)
        return _value(_default_sql(session, field), note if is_shared else "")
    if field.remote_field:
        return Value(None, N_("its default is a function, and the row that it gives may be another in each database"))
    if table.is_unique(column):
        return None
    with _queries_seen() as queries:
        sql = _default_sql(session, field)
    if queries:
        return Value(None, N_("its default is a function that asks the database, and another may say otherwise"))
    note = N_("All rows that are there get this one value in {place}, whose default is a function.", place=place)
    return _value(sql, note)


def _value(sql: str | None, note: str = "") -> Value | None:
    return Value(sql, note) if sql is not None else None


@contextmanager
def _queries_seen() -> Iterator[list[str]]:
    """The queries that are sent meanwhile over Django's own connections, of any database."""
    seen: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not _TRANSACTION.match(sql):
            seen.append(sql)
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(note))
        yield seen


def _is_called_once(field: Field[Any, Any]) -> bool:
    """Whether a function is called for the one value that all rows get, other than for an empty dict and the like."""
    is_empty = isinstance(field.default, type) and field.default.__module__ == "builtins"
    return field.has_default() and callable(field.default) and not is_empty and not _function(field)


def _function(field: Field[Any, Any]) -> str | None:
    """PostgreSQL's own function for a field's default, if there is one."""
    if isinstance(field, UUIDField) and field.default is uuid.uuid4:
        return "gen_random_uuid()"
    is_now = isinstance(field, DateTimeField) and field.default is timezone.now
    if is_now or getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return "CURRENT_TIMESTAMP"
    return None


def _default_sql(session: Session, field: Field[Any, Any]) -> str | None:
    """SQL for the default that Django would write into a row, or None if it would write none.

    For a default that is a function it calls PostgreSQL's own if there is one. Else the author's is called here, and
    what it does in this database rolled back. Raises PlanError if that fails.
    """
    if getattr(field, "generated", False) or field.db_default is not NOT_PROVIDED:
        return None
    if function := _function(field):
        return function
    try:
        with transaction.atomic(using=session.alias):
            value = session.connection.schema_editor().effective_default(field)
            transaction.set_rollback(True, using=session.alias)
        return None if value is None else session.compose("%s", [value])
    except Exception as error:
        raise PlanError(
            N_(
                "The default of {model}.{field}, which rows that are there would get, cannot be "
                "had: {kind}: {problem}. Give the field another default, or add it with null=True first.",
                model=field.model._meta.label,
                field=field.name,
                kind=type(error).__name__,
                problem=str(error),
            )
        ) from error
