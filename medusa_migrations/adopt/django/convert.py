"""What was recorded of one of Django's migrations, as the text of an SQL migration."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.contrib.postgres.operations import CreateExtension
from django.db.migrations import Migration as DjangoMigration
from django.db.migrations import RunPython
from django.db.migrations.operations.base import Operation

from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import ImportPlace
from medusa_migrations.sql.names import quoted
from medusa_migrations.sql.statements import begins_or_ends_transaction

from ..draft import Chunk, Draft, stop
from ..names import of_digits
from ..parts import closed, part, statements_of, unwrapped
from .lines import Lines
from .record import Record, operations_of
from .undo import Undone, irreversible

_DIGITS = re.compile(r"[0-9]+", re.ASCII)

_BY_ITSELF = N_(
    "this operation does not leave it to Django to send SQL, and what it sends may depend on what there is: write "
    "what it does in SQL."
)
_SENDS = "In an empty database it sends:"

_RENAMED = "-- Under the names that these had: Django looks names up, and SQL has them written.\n"


class Recorded(NamedTuple):
    """A migration with what it has sent: `down` is None if it is irreversible, or why Django has not undone it."""

    migration: DjangoMigration
    depends: Sequence[str]
    up: Record
    down: Undone | str | None


def bare(migration: DjangoMigration, made: MigrationId | None) -> Draft:
    """The draft for a migration by its name alone, without a text; `made` is what it was made into before.

    That keeps its name, also where one that came later has its place before it.
    """
    digits = _DIGITS.match(made.timestamp if made else migration.name)
    moment = of_digits(digits[0]) if digits else None
    name = made.name if made else ""
    return Draft(migration.name, Lines(migration).path, migration.name, moment, (), name=name)


def draft_of(recorded: Recorded) -> Draft:
    """The draft for a migration, with a stop where somebody has to write what it does."""
    migration = recorded.migration
    lines = Lines(migration)
    up = _Part(Direction.UP, migration, recorded.up, lines)
    chunks, places = [Chunk(_header(recorded, lines)), *up.made()], up.places
    if isinstance(recorded.down, Undone):
        down = _Part(Direction.DOWN, migration, recorded.down.record, lines)
        chunks += [*down.made(), *_renamed(recorded.down.renames)]
        places += down.places
    elif recorded.down is not None:
        message = N_(
            "Django cannot undo this migration ({reason}): write what undoes it in SQL, or take the down part out.",
            reason=recorded.down,
        )
        place = lines.place(message)
        chunks += part(Direction.DOWN, [stop(place)], transaction=migration.atomic)
        places.append(place)
    return bare(migration, None)._replace(chunks=tuple(chunks), places=tuple(places))


def _renamed(renames: Sequence[str]) -> list[Chunk]:
    return [Chunk(_RENAMED), *(Chunk(closed(sql)) for sql in renames)] if renames else []


def _header(recorded: Recorded, lines: Lines) -> str:
    text = [f"-- Imported from {lines.path}, by the SQL that Django sends for it."]
    if operation := irreversible(recorded.migration):
        text.append(f"-- Irreversible, as it is for Django: {_described(operation)} (line {lines.of(operation)}).")
    text += [f"-- migrate:depends {other}" for other in recorded.depends]
    return "".join(f"{line}\n" for line in text)


def _described(operation: Operation) -> str:
    """In one line."""
    return " ".join(str(operation.describe()).split())


class _Part:
    """The up or the down part of a migration: what was recorded for each operation, in the order of that part."""

    def __init__(self, direction: Direction, migration: DjangoMigration, record: Record, lines: Lines) -> None:
        self.direction, self.migration, self.record, self.lines = direction, migration, record, lines
        self.places: list[ImportPlace] = []

    def made(self) -> list[Chunk]:
        operations = operations_of(self.migration)
        in_order = operations if self.direction is Direction.UP else reversed(operations)
        chunks = [chunk for operation in in_order for chunk in self._of(operation)]
        at_end = [self._sql(sql, None) for sql in self.record.by_editor(None)]
        return part(self.direction, [*chunks, *at_end], transaction=self.migration.atomic)

    def _of(self, operation: Operation) -> Iterator[Chunk]:
        undo = "Undo: " if self.direction is Direction.DOWN else ""
        yield Chunk(f"-- {undo}{_described(operation)}\n")
        if not operation.reduces_to_sql:
            if not _does_nothing(operation, self.direction):
                yield self._python(operation)
            return
        sent = self.record.by_editor(operation) or _left_out(operation, self.direction)
        yield from (self._sql(sql, operation) for sql in sent)
        if besides := self.record.besides(operation):
            yield self._stop(_BY_ITSELF, operation, "\n".join(one.sql for one in besides))

    def _sql(self, sql: str, operation: Operation | None) -> Chunk:
        text = sql.lstrip("\n").rstrip()
        text = closed(unwrapped(text) if self.migration.atomic else _without_set_constraints(text))
        return Chunk(text, self.lines.path, self.lines.of(operation), is_value=True)

    def _python(self, operation: Operation) -> Chunk:
        sent = self.record.all_of(operation)
        what = N_("this") if self.direction is Direction.UP else N_("what undoes this")
        message = N_(
            "{what} is Python, so no SQL can be taken from it: write what it does in SQL. In an empty database it "
            "{effect}.",
            what=what,
            effect=N_("sends what stands above the stop") if sent else N_("does nothing"),
        )
        code = [_source(operation, self.direction), *([_SENDS, *sent] if sent else [])]
        return self._stop(message, operation, "\n".join(filter(None, code)))

    def _stop(self, message: str, operation: Operation, code: str) -> Chunk:
        place = self.lines.place(message, operation)
        self.places.append(place)
        return stop(place, code)


def _without_set_constraints(sql: str) -> str:
    """`sql` without the statements that Django sends for what is deferred, where none shares a transaction with it.

    There they do nothing, and no build takes them. What has transactions of its own stays as it is.
    """
    statements = statements_of(sql)
    if any(begins_or_ends_transaction(one.words) for one in statements):
        return sql
    idle = [one for one in statements if one.words[:2] == ("SET", "CONSTRAINTS")]
    for one in reversed(idle):
        sql = sql[: one.start] + sql[one.end :].lstrip().removeprefix(";").lstrip()
    return sql.rstrip()


def _function(operation: Operation, direction: Direction) -> Any:
    if isinstance(operation, RunPython):
        return operation.code if direction is Direction.UP else operation.reverse_code
    return None


def _does_nothing(operation: Operation, direction: Direction) -> bool:
    return _function(operation, direction) is RunPython.noop


def _source(operation: Operation, direction: Direction) -> str:
    """The text of the function that is run, or of the class of the operation; "" where Python does not have it."""
    try:
        return inspect.getsource(_function(operation, direction) or type(operation))
    except (OSError, TypeError):  # such as of what functools.partial gives
        return ""


def _left_out(operation: Operation, direction: Direction) -> list[str]:
    """The SQL of an operation that has found in the scratch database what it is to make, as a template brings it."""
    if isinstance(operation, CreateExtension) and direction is Direction.UP:
        return [f"CREATE EXTENSION IF NOT EXISTS {quoted(operation.name)}"]
    return []
