"""The migration API as a run hands it to a migration: each call is carried out at once, over a session."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.db import Error

from medusa_migrations.database.postgresql import copy_in, last_rows
from medusa_migrations.database.session import Session
from medusa_migrations.run.retries import Retries
from medusa_migrations.schema.fields import refuse_text
from medusa_migrations.schema.given_sql import sendable
from medusa_migrations.schema.inspection import HAS_COLUMN, HAS_TABLE, HAS_VIEW, TableInfo, read_table, table_names
from medusa_migrations.schema.operations import Backfill, Operation, Query, SqlOperation, Together
from medusa_migrations.schema.schema import Params, ResultRow, Schema
from medusa_migrations.schema.target import Target
from medusa_migrations.sql.copytext import copy_line
from medusa_migrations.sql.names import quoted, quoted_table

from .backfill import Backfills, Work

_FETCH = 2000  # rows of a stream at a time


@contextlib.contextmanager
def live_schema(session: Session, retries: Retries, backfills: Backfills | None) -> Iterator[LiveSchema]:
    """A schema over `session`, inside the transaction that is open; or with `backfills` outside of any."""
    schema = LiveSchema(session, retries, backfills)
    with session.connection.execute_wrapper(schema.guarded):
        yield schema


class LiveSchema(Schema):
    """The schema that `live_schema` gives.

    `failed` is the error that has aborted the open transaction. `line` is the line of the migration file whose call
    `reverse` is undoing. Both are None if there is none.
    """

    def __init__(self, session: Session, retries: Retries, backfills: Backfills | None) -> None:
        self.session, self.retries, self.backfills = session, retries, backfills
        self.connection = session.connection
        self.depth = 0 if backfills else 1  # of transactions and savepoints
        self.is_copying = False
        self.failed: Error | None = None  # what has aborted the transaction that is open
        self.line: int | None = None

    def guarded(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """Wrap every query of Django's connection, as its `execute_wrapper` does."""
        self._refuse_while_copying()
        with self._sending():
            if self.session.is_citus and isinstance(sql, str) and not params:  # Django adds SET CONSTRAINTS to some
                from medusa_migrations.database.citus import parts

                *before, sql = [one.sql for one in parts(sql)] or [sql]
                for one in before:
                    execute(one, params, many, context)
            return execute(sql, params, many, context)

    @contextlib.contextmanager
    def _sending(self) -> Iterator[None]:
        """Heed a stop while a query is under way, tell who blocks it, and keep an error that aborts the transaction."""
        try:
            with self.session.sending():
                yield
        except Error as error:
            if self.depth:
                self.failed = self.failed or error
            raise

    def query(self, sql: str, params: Params | None = None, reverse_sql: str | None = None) -> list[ResultRow]:
        statements = sendable(sql, in_transaction=self.depth > 0)
        if not statements:
            return []
        is_several = self.session.is_citus and len(statements) > 1 and not self.depth
        with self.transaction() if is_several else contextlib.nullcontext(), self.connection.cursor() as cursor:
            try:
                cursor.execute(sql, params)
            except (IndexError, KeyError, TypeError, ValueError) as error:  # psycopg2's, of what does not fit
                cure = "With params, write %% for %."
                raise ValueError(f"the SQL and its params do not fit: {error}. {cure}") from error
            return last_rows(cursor)

    def stream(self, sql: str, params: Params | None = None) -> Iterator[ResultRow]:
        sendable(sql, in_transaction=self.depth > 0)
        return self._fetched(sql, params)

    def _fetched(self, sql: str, params: Params | None) -> Iterator[ResultRow]:
        self._refuse_while_copying()
        cursor = self.connection.chunked_cursor()
        try:
            cursor.execute(sql, params)
            while True:
                self._refuse_while_copying()
                with self._sending():
                    rows = cursor.fetchmany(_FETCH)
                if not rows:
                    return
                yield from rows
        finally:
            if not self.is_copying:  # to close it takes the connection
                cursor.close()

    def copy_from(self, table: str, rows: Iterable[Sequence[Any]], columns: Sequence[str] = ()) -> int:
        self._refuse_while_copying()
        refuse_text(columns)
        named = f" ({', '.join(map(quoted, columns))})" if columns else ""
        count = 0

        def lines() -> Iterator[bytes]:
            nonlocal count
            for row in rows:
                self.session.interruption.check()  # nothing else looks while rows are made
                yield copy_line(row)
                count += 1

        self.is_copying = True
        try:
            with self._sending():
                copy_in(self.connection, f"COPY {quoted_table(table)}{named} FROM STDIN", lines())
        finally:
            self.is_copying = False
        return count

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        name = f"medusa_{self.depth}"
        savepoint = (f"SAVEPOINT {name}", f"RELEASE {name}", f"ROLLBACK TO {name}; RELEASE {name}")
        begin, end, undo = savepoint if self.depth else ("BEGIN", "COMMIT", "ROLLBACK")
        failed_before = self.failed
        self.session.execute(begin)
        self.depth += 1
        try:
            yield
            if self.failed:  # caught in the block, it has aborted the transaction all the same: COMMIT would undo it
                raise self.failed
            self.session.execute(end)
        except BaseException:
            self.session.settle(undo)
            self.failed = failed_before
            raise
        finally:
            self.depth -= 1

    def has_table(self, name: str) -> bool:
        return self._has(HAS_TABLE, quoted_table(name))

    def has_column(self, table: str, name: str) -> bool:
        return self._has(HAS_COLUMN, quoted_table(table), name)

    def has_view(self, name: str) -> bool:
        return self._has(HAS_VIEW, quoted_table(name))

    def has_schema(self, name: str) -> bool:
        return self._has("SELECT pg_catalog.to_regnamespace(%s) IS NOT NULL", quoted(name))

    def table(self, name: str) -> TableInfo:
        return read_table(self.connection, name)

    def tables(self, schema: str | None = None) -> list[str]:
        return table_names(self.connection, schema)

    def _has(self, sql: str, *params: Any) -> bool:
        return bool(self.query(sql, params)[0][0])

    def _backfill(self, asked: Backfill) -> int:
        if self.backfills is None or self.depth:
            raise ValueError(
                "backfill commits each batch by itself, so it needs `transaction = False` at the top of the file"
                + (", and no transaction() around it" if self.backfills else "")
            )
        with self.connection.schema_editor(atomic=False) as editor:
            work = Work.of(Target(editor), asked)
        return self.backfills.carry_out(work)

    def _do(self, operation: Operation) -> None:
        self.line = operation.line
        match operation:
            case Together(operations=operations):
                with self.transaction():
                    for one in operations:
                        self._do(one)
            case Query(sql=sql):
                self.query(sql)
            case SqlOperation() if self.depth:
                self._apply(operation)
            case SqlOperation():
                self._in_own_transaction(operation)
            case _:
                raise TypeError(f"{operation.call} undoes nothing, and is made by a call of its own")

    def _apply(self, operation: SqlOperation) -> None:
        with self.connection.schema_editor(atomic=False) as editor:
            operation.apply(Target(editor))

    def _in_own_transaction(self, operation: SqlOperation) -> None:
        """Apply it in a transaction, again where that may help, as a migration in a transaction is run again."""

        def attempt() -> None:
            with self.transaction():
                self._apply(operation)

        self.retries.run_queries(attempt)

    def _refuse_while_copying(self) -> None:
        if self.is_copying:
            raise ValueError(
                "copy_from is under way, and its rows come from a call that needs the connection too: "
                "use INSERT … SELECT, or read them into a list first"
            )
