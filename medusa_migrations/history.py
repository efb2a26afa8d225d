"""The history table, read and written over one session."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import Error, ProgrammingError

from . import postgresql
from .errors import DatabaseError
from .migration import MigrationId
from .models import AppliedMigration
from .plan import Row
from .session import Session

_TABLE = AppliedMigration._meta.db_table
_COLUMNS = "id, app, name, checksum, state, run::text, statements_done, progress ->> 'checksum'"
_DETAILS = "applied_at, duration_ms, applied_by, error, down"

# The time that a message has taken so far on the server; NULL stands where the client has measured it.
SERVER_MILLISECONDS = (
    "(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp()) * 1000)::bigint"
)


class History:
    """The rows of one run: `run` marks what it applies, `applied_by` who did."""

    def __init__(self, session: Session, applied_by: str = "") -> None:
        self.session = session
        self.applied_by = applied_by[:255]
        self.run = str(uuid.uuid4())
        self.table = ""

    def rows(self, *, details: bool = False) -> list[Row]:
        """All rows, in the order of execution; none if the table does not exist yet.

        `details` are what a run does not need: when, how long, by whom, the error and the stored down part.
        """
        columns = f"{_COLUMNS}, {_DETAILS}" if details else _COLUMNS
        try:
            rows = self.session.query(f"SELECT {columns} FROM {_TABLE} ORDER BY id")
        except ProgrammingError as error:
            found = postgresql.server_error(error)
            if found.sqlstate == postgresql.UNDEFINED_TABLE:
                return []
            raise DatabaseError(
                f"Cannot read the history table {_TABLE!r} of the database {self.session.alias!r}: {found.message}. "
                "Give this database user SELECT on it."
            ) from None
        return [Row(serial, MigrationId(app, name), *rest) for serial, app, name, *rest in rows]

    def create(self) -> None:
        """Create the table where it is not there yet, and know its name with its schema. Needs the lock."""
        try:
            found = self._qualified_name()
            if not found:
                with self.session.connection.schema_editor() as editor:
                    editor.create_model(AppliedMigration)
                found = self._qualified_name()
        except Error as error:
            raise DatabaseError(
                f"Cannot create the history table {_TABLE!r} in the database {self.session.alias!r}: "
                f"{postgresql.server_error(error).message}. Give this database user CREATE on its schema."
            ) from None
        self.table = found

    def _qualified_name(self) -> str:
        """The table's name with its schema, so that it is found whatever search_path a migration leaves."""
        rows = self.session.query(
            "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)"
            " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.oid = pg_catalog.to_regclass(%s)",
            [_TABLE],
        )
        return rows[0][0] if rows else ""

    def insert(
        self, id_: MigrationId, checksum: str, down: str | None, *, state: str = "applied", milliseconds: str = "NULL"
    ) -> str:
        """SQL that adds a row; `milliseconds` is an SQL expression."""
        return self.session.compose(
            f"INSERT INTO {self.table} (app, name, checksum, state, applied_at, duration_ms, applied_by, run,"
            " statements_done, progress, error, down)"
            f" VALUES (%s, %s, %s, %s, pg_catalog.clock_timestamp(), {milliseconds}, %s, %s, 0, NULL, '', %s);",
            [id_.app, id_.name, checksum, state, self.applied_by, self.run, down],
        )

    def delete(self, id_: MigrationId) -> str:
        """SQL that removes a row."""
        return self.session.compose(f"DELETE FROM {self.table} WHERE app = %s AND name = %s;", list(id_))

    def update(self, id_: MigrationId, **values: str | int | None) -> str:
        """SQL that changes columns of a row; `applied_at` becomes now."""
        assignments: Sequence[str] = [f"{column} = %s" for column in values]
        return self.session.compose(
            f"UPDATE {self.table} SET {', '.join(assignments)}, applied_at = pg_catalog.clock_timestamp()"
            " WHERE app = %s AND name = %s;",
            [*values.values(), *id_],
        )
