"""The SQL that a migration in Python will send, as far as that can be told before it runs."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.database.postgresql import server_error
from medusa_migrations.messages import N_
from medusa_migrations.schema.operations import Backfill, CopyFrom, Operation, SqlOperation, Together
from medusa_migrations.schema.recorder import CannotTellError, Function, Recorder, Reverse, without_database
from medusa_migrations.schema.target import TableFields, Target
from medusa_migrations.schema.update_sql import set_and_where
from medusa_migrations.sql.names import quoted_table


def operations_of(function: Function) -> tuple[Sequence[Operation], str | None]:
    """The calls that `function` will make, and a sentence on why no more can be told, None if these are all.

    No query is sent. Raises IrreversibleError and CannotTellError for a `reverse` that is not possible.
    """
    if isinstance(function, Reverse):
        return function.operations(), None
    recorder = Recorder(function)
    try:
        with without_database():
            function(recorder)
    except CannotTellError as error:
        return recorder.operations, N_(
            "What follows depends on the database: {call} in line {line}.", call=error.call, line=error.line
        )
    except Exception as error:  # noqa: BLE001 - the author's code
        return recorder.operations, N_(
            "What follows cannot be told: {type}: {error}", type=type(error).__name__, error=str(error)
        )
    return recorder.operations, None


def preview(function: Function, connection: BaseDatabaseWrapper) -> str:
    """The SQL that `function` will send, with a comment where it cannot be told. The database is only read."""
    operations, rest = operations_of(function)
    found = _Preview(connection)
    for operation in operations:
        found.add(operation)
    return "\n".join([*found.sql, f"-- {rest}"] if rest else found.sql)


class _Preview:
    """Collects the SQL of operations; `tables` are those that they would make, as later ones need to know them."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.tables: TableFields = {}
        self.sql: list[str] = []

    def add(self, operation: Operation) -> None:
        match operation:
            case Together(operations=operations):
                self.sql.append("-- Together, or not at all:")
                for one in operations:
                    self.add(one)
                self.sql.append("-- (as far as here)")
            case CopyFrom(table=table):
                self.sql.append(f"-- copy_from: rows that come from Python, into {table}")
            case Backfill() | SqlOperation():
                self.add_known(operation)

    def add_known(self, operation: Backfill | SqlOperation) -> None:
        try:
            with self.connection.schema_editor(atomic=False, collect_sql=True) as editor:
                target = Target(editor, self.tables)
                if isinstance(operation, Backfill):
                    found = _backfill(target, operation)
                else:
                    operation.apply(target)
                    found = []
            found += map(_ended, editor.collected_sql)  # with what Django defers to the end: indexes, foreign keys
        except Exception as error:  # noqa: BLE001 - of the author's values and fields
            reason = server_error(error).message if isinstance(error, Error) else error
            self.sql.append(f"-- {operation}: cannot be told before it runs: {reason}")
        else:
            self.sql += found


def _backfill(target: Target, asked: Backfill) -> list[str]:
    set_, where, _ = set_and_where(target, asked)
    condition = f"\nWHERE {where}" if where else ""
    return ["-- in batches, by the primary key:", f"UPDATE {quoted_table(asked.table)}\nSET {set_}{condition};"]


def _ended(sql: str) -> str:
    """`sql` with its semicolon on a line of its own, where Django has put it behind a comment."""
    last = sql.rsplit("\n", 1)[-1]
    return f"{sql[:-1]}\n;" if "--" in last and sql.endswith(";") else sql
