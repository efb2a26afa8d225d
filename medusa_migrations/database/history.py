"""The history table, read and written over one session."""

from __future__ import annotations

import functools
import json
import os
import re
import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import Error, ProgrammingError, router

from medusa_migrations import conf
from medusa_migrations.errors import DatabaseError
from medusa_migrations.migration import Migration, MigrationId
from medusa_migrations.models import FORMAT, HISTORY_COMMENT, AppliedMigration
from medusa_migrations.plan.known import Known, Row, know

from . import postgresql
from .session import Session

_TABLE = AppliedMigration._meta.db_table
_COLUMNS = "id, app, name, checksum, state, statements_done, progress ->> 'checksum'"
_DETAILS = "run::text, applied_at, duration_ms, applied_by, error, down"

_FIND = """
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
    pg_catalog.obj_description(c.oid, 'pg_class'),
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = pg_catalog.to_regclass(%s)
"""

# What a column that an older table lacks gets in its rows.
_NEUTRAL = {
    "CharField": "''",
    "TextField": "''",
    "IntegerField": "0",
    "DateTimeField": "pg_catalog.clock_timestamp()",
    "UUIDField": "pg_catalog.gen_random_uuid()",
}

# The time that a message has taken so far on the server; NULL stands where the client has measured it.
SERVER_MILLISECONDS = (
    "(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp()) * 1000)::bigint"
)


class History:
    """The rows of one run: `run` marks what it applies, `applied_by` who did, else the operating system's user."""

    def __init__(self, session: Session, applied_by: str | None = None) -> None:
        self.session = session
        self._applied_by = applied_by
        self.run = str(uuid.uuid4())
        self.table = ""

    @functools.cached_property
    def applied_by(self) -> str:
        """Who applies, as the history has it."""
        return (self._applied_by or _user())[:255]

    def rows(self, *, details: bool = False) -> list[Row]:
        """All rows, in the order of execution; none if the table does not exist yet.

        `details` are what a run does not need: which run it was, when, how long, by whom, the error, the down part.
        """
        columns = f"{_COLUMNS}, {_DETAILS}" if details else _COLUMNS
        try:
            rows = self.session.query(f"SELECT {columns} FROM {_TABLE} ORDER BY id")
        except ProgrammingError as error:
            found = postgresql.server_error(error)
            if found.sqlstate == postgresql.UNDEFINED_TABLE:
                return []
            if found.sqlstate == postgresql.UNDEFINED_COLUMN:
                return self._rows_of_older_format()
            raise DatabaseError(
                f"Cannot read the history table {_TABLE!r} of the database {self.session.alias!r}: {found.message}. "
                "Give this database user SELECT on it."
            ) from None
        return [Row(serial, MigrationId(app, name), *rest) for serial, app, name, *rest in rows]

    def _rows_of_older_format(self) -> list[Row]:
        """The same from a table that lacks columns, which the next run adds."""
        found = self._find()
        if found:
            self._refuse_foreign(found[2])
            self._refuse_newer(found[1])
        names = set(Row._fields) - {"id"}
        old_rows = []
        for (text,) in self.session.query(f"SELECT pg_catalog.to_jsonb(h)::text FROM {_TABLE} h ORDER BY id"):
            row = json.loads(text)
            values = {name: row[name] for name in names & row.keys()}
            values["applied_at"] = datetime.fromisoformat(row["applied_at"])
            old_rows.append(Row(serial=row["id"], id=MigrationId(row["app"], row["name"]), **values))
        return old_rows

    def open(self) -> None:
        """Have the table there and up to date, and know its name with its schema. Needs the lock.

        Raises DatabaseError if that is not allowed, or if a newer version of this app made it.
        """
        try:
            found = self._find()
            if not found:
                self._create()
                found = self._find()
            assert found is not None
            self.table, made_with, columns = found
            self._refuse_foreign(columns)
            if made_with < FORMAT:
                self._add_columns(columns)
        except Error as error:
            reason = postgresql.server_error(error)
            denied = reason.sqlstate == postgresql.INSUFFICIENT_PRIVILEGE
            raise DatabaseError(
                f"Cannot make the history table {_TABLE!r} in the database {self.session.alias!r}: {reason.message}."
                + (" Give this database user CREATE on its schema." if denied else " Nothing was run.")
            ) from None
        self._refuse_newer(made_with)

    def _refuse_newer(self, made_with: int) -> None:
        if made_with > FORMAT:
            raise DatabaseError(
                f"The history table of the database {self.session.alias!r} was made by a newer version of "
                f"medusa_migrations (format {made_with}; this one knows {FORMAT}). Nothing was run. Update "
                "medusa_migrations here."
            )

    def _refuse_foreign(self, columns: set[str]) -> None:
        if not columns >= {"id", "app", "name", "checksum", "state", "applied_at"}:
            raise DatabaseError(
                f"The table {_TABLE!r} of the database {self.session.alias!r} is no history of medusa_migrations. "
                "Nothing was done. Rename it."
            )

    def _create(self) -> None:
        # Collected, and sent over the session: for a transaction the schema editor takes the alias's own connection.
        with self.session.connection.schema_editor(atomic=False, collect_sql=True) as editor:
            editor.create_model(AppliedMigration)
        self.session.execute(f"BEGIN; {' '.join(editor.collected_sql)} COMMIT;")

    def _find(self) -> tuple[str, int, set[str]] | None:
        """The table's name with its schema, which is found whatever search_path is left; its format; its columns."""
        rows = self.session.query(_FIND, [_TABLE])
        if not rows:
            return None
        name, comment, columns = rows[0]
        made_with = re.search(r"format (\d+)", comment or "")
        return name, int(made_with[1]) if made_with else 0, set(columns)

    def _add_columns(self, there: set[str]) -> None:
        """Bring a table of an older version up to date; old rows get values that say nothing."""
        for field in AppliedMigration._meta.local_fields:
            if field.column not in there:
                type_ = field.db_type(self.session.connection)
                value = "" if field.null else f" NOT NULL DEFAULT {_NEUTRAL[field.get_internal_type()]}"
                self.session.execute(f"ALTER TABLE {self.table} ADD COLUMN {field.column} {type_}{value}")
                if value:
                    self.session.execute(f"ALTER TABLE {self.table} ALTER COLUMN {field.column} DROP DEFAULT")
        self.session.execute(self.session.compose(f"COMMENT ON TABLE {self.table} IS %s", [HISTORY_COMMENT]))

    def write(self, statements: list[str]) -> None:
        """Carry out changes together. Raises DatabaseError."""
        try:
            self.session.execute(f"BEGIN; {' '.join(statements)} COMMIT;")
        except Error as error:
            self.session.rollback()
            raise DatabaseError(
                f"The history could not be changed: {postgresql.server_error(error).message}."
            ) from None

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

    def milliseconds_since_last(self) -> str:
        """As SERVER_MILLISECONDS, of the last of several migrations in one message: from the row before on."""
        last = f"(SELECT applied_at FROM {self.table} ORDER BY id DESC LIMIT 1)"
        return (
            "(EXTRACT(epoch FROM pg_catalog.clock_timestamp()"
            f" - GREATEST(pg_catalog.statement_timestamp(), {last})) * 1000)::bigint"
        )

    def move_to_end(self, id_: MigrationId) -> str:
        """SQL that makes a row that of the last one executed."""
        return self.session.compose(f"UPDATE {self.table} SET id = DEFAULT WHERE app = %s AND name = %s;", list(id_))

    def remove(self, id_: MigrationId) -> str:
        """SQL that removes the row of what was reverted, and fails if another process has removed it meanwhile."""
        gone = self.delete(id_).rstrip(";")
        return (
            f"WITH gone AS ({gone} RETURNING 1) SELECT CASE WHEN pg_catalog.count(*) = 1 THEN 0"
            f" ELSE ('{postgresql.ROW_GONE} ' || pg_catalog.pg_backend_pid())::pg_catalog.int4 END FROM gone;"
        )

    def delete(self, id_: MigrationId) -> str:
        """SQL that removes a row."""
        return self.session.compose(f"DELETE FROM {self.table} WHERE app = %s AND name = %s;", list(id_))

    def update(self, id_: MigrationId, **values: str | int | None) -> str:
        """SQL that changes columns of a row, and with `state` the time too."""
        assignments = [f"{column} = %s" for column in values]
        assignments += ["applied_at = pg_catalog.clock_timestamp()"] if "state" in values else []
        return self.session.compose(
            f"UPDATE {self.table} SET {', '.join(assignments)} WHERE app = %s AND name = %s;", [*values.values(), *id_]
        )


def _user() -> str:
    """The operating system's user; a container's may have a number and no name."""
    import getpass  # what reads the history does without

    try:
        return getpass.getuser().encode(errors="replace").decode()
    except (KeyError, OSError):
        return str(os.getuid())


def read_known(history: History, migrations: Sequence[Migration], *, details: bool = False) -> Known:
    """`migrations`, in their order, beside the rows of the history; of both, only the apps that are let in.

    `details` are as for `History.rows`. Raises DatabaseError if the history cannot be read.
    """
    alias = history.session.alias
    rows = history.rows(details=details)
    labels = {migration.id.app for migration in migrations} | {row.id.app for row in rows}
    let_in = {label for label in labels if router.allow_migrate(alias, label)}
    return know(
        [migration for migration in migrations if migration.id.app in let_in],
        [row for row in rows if row.id.app in let_in],
        conf.get_settings().is_on,
    )
