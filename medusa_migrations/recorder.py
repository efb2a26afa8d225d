"""What a migration in Python would do, found out without a database; and `reverse`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from .inspection import Table
from .operations import Backfill, CopyFrom, Operation, Query, Together, inverses
from .schema import Params, Row, Schema

Function = Callable[[Schema], None]


class CannotTellError(Exception):
    """The function looks at the database; `call` is how, and `line` where."""

    def __init__(self, call: str, line: int | None) -> None:
        super().__init__(f"{call} reads the database")
        self.call, self.line = call, line


class Recorder(Schema):
    """A schema that writes down what it is asked for; what would read raises CannotTellError."""

    def __init__(self, function: Function) -> None:
        self.operations: list[Operation] = []
        self.file = getattr(getattr(function, "__code__", None), "co_filename", "")

    def line(self) -> int | None:
        """The line of the migration file that makes the call."""
        frame = sys._getframe()
        while frame and frame.f_code.co_filename != self.file:
            frame = frame.f_back  # type: ignore[assignment]  # None ends it
        return frame.f_lineno if frame else None

    def cannot_tell(self, call: str) -> NoReturn:
        raise CannotTellError(call, self.line())

    def query(self, sql: str, params: Params | None = None, reverse_sql: str | None = None) -> list[Row]:
        self._do(Query(sql=sql, params=params, reverse_sql=reverse_sql))
        return _Unknown(lambda: self.cannot_tell("query"))

    def stream(self, sql: str, params: Params | None = None) -> Iterator[Row]:
        self.cannot_tell("stream")

    def copy_from(self, table: str, rows: Iterable[Sequence[Any]], columns: Sequence[str] = ()) -> int:
        self._do(CopyFrom(table=table))
        return 0

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        line, outer = self.line(), self.operations
        self.operations = []
        try:
            yield
        finally:
            outer.append(Together(operations=self.operations, line=line))
            self.operations = outer

    def _backfill(self, asked: Backfill) -> int:
        self._do(asked)
        return 0

    def has_table(self, name: str) -> bool:
        self.cannot_tell("has_table")

    def has_column(self, table: str, name: str) -> bool:
        self.cannot_tell("has_column")

    def has_view(self, name: str) -> bool:
        self.cannot_tell("has_view")

    def has_schema(self, name: str) -> bool:
        self.cannot_tell("has_schema")

    def table(self, name: str) -> Table:
        self.cannot_tell("table")

    def tables(self, schema: str | None = None) -> list[str]:
        self.cannot_tell("tables")

    def _do(self, operation: Operation) -> None:
        self.operations.append(replace(operation, line=self.line()))


class _Unknown(list[Row]):
    """The rows of a query that was not sent: to look at them is to read the database."""

    def __init__(self, read: Callable[[], NoReturn]) -> None:
        super().__init__()
        self._read = read

    def __iter__(self) -> Iterator[Row]:
        self._read()

    def __len__(self) -> int:
        self._read()

    def __getitem__(self, index: Any) -> Any:
        self._read()

    def __eq__(self, other: object) -> bool:
        self._read()


class Reverse:
    """A `down` that makes the calls of `up` backwards, each undone. Use `reverse`."""

    def __init__(self, up: Function) -> None:
        self.up = up

    def operations(self) -> list[Operation]:
        """Raises IrreversibleError and CannotTellError, each with the line in the migration file if it is known."""
        recorder = Recorder(self.up)
        self.up(recorder)
        return inverses(recorder.operations)

    def __call__(self, schema: Schema) -> None:
        for operation in self.operations():
            schema._do(operation)


def reverse(up: Function) -> Reverse:
    """`down = reverse(up)`: `up` is made on a recorder, and its calls undone, the last of them first.

    What cannot be undone, such as a drop or a query without `reverse_sql=`, is an error when the migration is built.
    """
    return Reverse(up)
