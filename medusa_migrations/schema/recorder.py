"""The calls that a migration in Python makes, written down without a database; and `reverse`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from .inspection import TableInfo
from .operations import Backfill, CopyFrom, Operation, Query, SqlOperation, Together, inverses
from .schema import Params, ResultRow, Schema

Function = Callable[[Schema], None]


class CannotTellError(BaseException):
    """A function makes the call `call` in `line` of its file, whose answer only the database has.

    It is a BaseException, so that no `except Exception` of the function goes on without that answer.
    """

    def __init__(self, call: str, line: int | None) -> None:
        super().__init__(f"{call} reads the database")
        self.call, self.line = call, line


class Recorder(Schema):
    """A schema that only writes its calls down; one that would read the database raises CannotTellError."""

    def __init__(self, function: Function) -> None:
        self.operations: list[Operation] = []
        self.file = getattr(getattr(function, "__code__", None), "co_filename", "")

    def line(self) -> int | None:
        """The line of the migration file that makes the call; None if the call comes from elsewhere."""
        frame = sys._getframe()
        while frame and frame.f_code.co_filename != self.file:
            frame = frame.f_back  # type: ignore[assignment]  # None ends it
        return frame.f_lineno if frame else None

    def cannot_tell(self, call: str) -> NoReturn:
        """Raise CannotTellError for `call`."""
        raise CannotTellError(call, self.line())

    def unknown(self, call: str) -> Any:
        """A stand-in for what `call` gives in a run; whatever looks at it raises CannotTellError."""
        return _Unknown(lambda: self.cannot_tell(call))

    def query(self, sql: str, params: Params | None = None, reverse_sql: str | None = None) -> list[ResultRow]:
        self._do(Query(sql=sql, params=params, reverse_sql=reverse_sql))
        rows: list[ResultRow] = self.unknown("query")
        return rows

    def stream(self, sql: str, params: Params | None = None) -> Iterator[ResultRow]:
        self.cannot_tell("stream")

    def copy_from(self, table: str, rows: Iterable[Sequence[Any]], columns: Sequence[str] = ()) -> int:
        self._do(CopyFrom(table=table))
        count: int = self.unknown("copy_from")
        return count

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        line, outer = self.line(), self.operations
        self.operations = []
        try:
            yield
            outer.append(Together(operations=self.operations, line=line))
        finally:  # of what an exception leaves, nothing is done
            self.operations = outer

    def _backfill(self, asked: Backfill) -> int:
        self._do(asked)
        count: int = self.unknown("backfill")
        return count

    def has_table(self, name: str) -> bool:
        self.cannot_tell("has_table")

    def has_column(self, table: str, name: str) -> bool:
        self.cannot_tell("has_column")

    def has_view(self, name: str) -> bool:
        self.cannot_tell("has_view")

    def has_schema(self, name: str) -> bool:
        self.cannot_tell("has_schema")

    def table(self, name: str) -> TableInfo:
        self.cannot_tell("table")

    def tables(self, schema: str | None = None) -> list[str]:
        self.cannot_tell("tables")

    def _do(self, operation: Operation) -> None:
        self.operations.append(replace(operation, line=self.line()))


class _Unknown:
    """A value that only the database knows; whatever is done with it calls `read`, which raises."""

    def __init__(self, read: Callable[[], NoReturn]) -> None:
        self.__read = read

    def __reading(self, *_: Any) -> Any:
        self.__read()

    def __getattr__(self, name: str) -> Any:
        self.__read()

    __iter__ = __len__ = __getitem__ = __contains__ = __reversed__ = __bool__ = __reading
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __reading
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __int__ = __index__ = __str__ = __reading


def record(function: Function) -> list[Operation]:
    """The calls that `function` makes. Raises CannotTellError if it reads the database, and what `function` raises."""
    recorder = Recorder(function)
    with without_database():
        function(recorder)
    return recorder.operations


class DatabaseUsedError(Exception):
    """The author's code sent a query on a connection of Django's, where it may only use `schema`."""


@contextlib.contextmanager
def without_database(alias: str | None = None) -> Iterator[None]:
    """While this lasts, a query on any of Django's connections, or on that of `alias`, raises DatabaseUsedError.

    When a migration is built, nothing is to be changed yet. When it runs, that connection is in another transaction: it
    does not see what the migration has done, waits for its locks, and is not rolled back with it.
    """

    def refuse(*_: Any) -> NoReturn:
        raise DatabaseUsedError("it uses a connection of Django's, where only `schema` may be used, and only in a run")

    with contextlib.ExitStack() as stack:
        for one in [alias] if alias else connections:
            with contextlib.suppress(ImproperlyConfigured):
                stack.enter_context(connections[one].execute_wrapper(refuse))
        yield


class Reverse:
    """A function `down` that undoes the calls of `up`, the last of them first. It is made with `reverse`."""

    def __init__(self, up: Function) -> None:
        self.up = up

    def operations(self) -> list[SqlOperation | Together]:
        """What undoes the calls of `up`.

        Raises IrreversibleError and CannotTellError, each with the line in the migration file if it is known.
        """
        return inverses(record(self.up))

    def __call__(self, schema: Schema) -> None:
        for operation in self.operations():
            schema._do(operation)


def reverse(up: Function) -> Reverse:
    """Write `down = reverse(up)`, and down undoes the calls of `up`, the last of them first.

    A call that cannot be undone, such as a drop or a query without `reverse_sql=`, is an error when the migration is
    built.
    """
    return Reverse(up)
