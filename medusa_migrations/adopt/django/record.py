"""What a migration of Django's sends to the database, operation by operation."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.db.migrations import Migration as DjangoMigration
from django.db.migrations.operations.base import Operation

from medusa_migrations.run.prerequisites import in_database

# How transaction.atomic is sent, and what Django itself asks: what there is in the catalog.
_OF_DJANGO = re.compile(
    r"\s*(?:SAVEPOINT|RELEASE|ROLLBACK)\b|\s*(?:SELECT|SHOW)\b(?=.*\bFROM\s+(?:pg_catalog\.)?pg_)", re.I | re.DOTALL
)
_ASKS = re.compile(r"\s*(?:SELECT|SHOW)\b", re.I)


class Sent(NamedTuple):
    """A statement as the server got it, or several; `by_editor` tells that the schema editor has sent it.

    What the operation has sent over a cursor or by models may depend on what there is.
    """

    operation: Operation | None
    sql: str
    by_editor: bool

    @property
    def asks(self) -> bool:
        return bool(_ASKS.match(self.sql))


class Record:
    """What was sent while `recording` lasted."""

    def __init__(self) -> None:
        self._sent: list[Sent] = []
        self._operation: Operation | None = None
        self._in_editor = False

    def by_editor(self, operation: Operation | None) -> list[str]:
        """What the schema editor has sent for an operation, or at the end, in order."""
        return [one.sql for one in self._sent if one.operation is operation and one.by_editor]

    def besides(self, operation: Operation) -> list[Sent]:
        """What an operation has sent in any other way."""
        return [one for one in self._sent if one.operation is operation and not one.by_editor]

    def all_of(self, operation: Operation) -> list[str]:
        """All that an operation has sent and that does not only ask."""
        return [one.sql for one in self._sent if one.operation is operation and not one.asks]

    def add(self, sql: str) -> None:
        """Note what is sent now, unless that is Django's own doing."""
        if self._in_editor or (self._operation and not _OF_DJANGO.match(sql)):
            self._sent.append(Sent(self._operation, sql, self._in_editor))

    @contextlib.contextmanager
    def at(self, operation: Operation) -> Iterator[None]:
        """While an operation is carried out."""
        before, self._operation = self._operation, operation
        try:
            yield
        finally:
            self._operation = before

    @contextlib.contextmanager
    def in_editor(self) -> Iterator[None]:
        """While the schema editor sends something."""
        self._in_editor = True
        try:
            yield
        finally:
            self._in_editor = False

    def query(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """Wrap the queries of a connection, as its `execute_wrapper` does."""
        result = execute(sql, params, many, context)
        self.add(_as_text(sql, params, many, context["connection"]))
        return result


@contextlib.contextmanager
def recording(connection: Any, migration: DjangoMigration) -> Iterator[Record]:
    """Record what a migration sends over `connection` while this lasts.

    Django's executor makes the editor, and the migration calls its operations, so both are replaced meanwhile: on these
    objects alone, not on their classes.
    """
    record = Record()
    with contextlib.ExitStack() as stack:
        for operation in operations_of(migration):
            for name in ("database_forwards", "database_backwards"):
                setattr(operation, name, _told(record, operation, getattr(operation, name)))
                stack.callback(delattr, operation, name)
        connection.SchemaEditorClass = _editor(connection.SchemaEditorClass, record)
        stack.callback(delattr, connection, "SchemaEditorClass")
        stack.enter_context(connection.execute_wrapper(record.query))
        yield record


def operations_of(migration: DjangoMigration) -> list[Operation]:
    """What a migration does to the database; one that stands there twice, once."""
    return list({id(operation): operation for operation in in_database(migration.operations)}.values())


def _told(record: Record, operation: Operation, method: Callable[..., None]) -> Callable[..., None]:
    def told(*arguments: Any, **named: Any) -> None:
        with record.at(operation):
            method(*arguments, **named)

    return told


def _editor(installed: Any, record: Record) -> Any:
    """The connection's own schema editor, recorded."""

    class Recorded(installed):  # type: ignore[misc]  # it is a class, but which is known when it runs
        def execute(self, sql: Any, params: Any = ()) -> None:
            with record.in_editor():
                super().execute(sql, params)
                if self.collect_sql:  # nothing is sent then
                    record.add(self.collected_sql[-1])

    return Recorded


def _as_text(sql: Any, params: Any, many: bool, connection: Any) -> str:
    """A query as text, with its values in it."""
    if isinstance(sql, bytes):
        sql = sql.decode(errors="replace")
    elif hasattr(sql, "as_string"):
        sql = sql.as_string(connection.connection)
    if params is None or not len(params):
        return str(sql)
    every = params if many else [params]
    return ";\n".join(str(connection.ops.compose_sql(str(sql), one)) for one in every)
