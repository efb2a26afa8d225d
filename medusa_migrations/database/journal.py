"""The journal: what happened to migrations, beside the history, which has what is applied."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import Error

from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId
from medusa_migrations.models import MigrationLog
from medusa_migrations.plan.known import PastRun

from . import postgresql
from .place import ALL_ROWS, JOURNAL, TABLE, Found, Place, find, refuse_another
from .postgresql import elapsed_sql, literal
from .session import Session

if TYPE_CHECKING:
    from medusa_migrations.results import LogEntry

# What every journal has, whichever version made it.
BASIC_COLUMNS = {"id", "at", "run", "action", "app", "name", "release"}

_HIDDEN = f"""
SELECT pg_catalog.row_security_active(c.oid) AND NOT {ALL_ROWS} FROM pg_catalog.pg_class c
WHERE c.oid = pg_catalog.to_regclass(%s)::oid
"""

_ASKED = """
SELECT session_user::text, pg_catalog.current_database()::text, pg_catalog.has_table_privilege(%s, 'INSERT'),
    pg_catalog.has_table_privilege(%s, 'SELECT') AND NOT pg_catalog.row_security_active(pg_catalog.to_regclass(%s)::oid)
"""

# A journal without a history in its schema, of the schemas that this user may look into.
_LEFT_BEHIND = """
SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = %s AND c.relkind IN ('r', 'p') AND pg_catalog.obj_description(c.oid, 'pg_class') = %s
AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_class h WHERE h.relnamespace = n.oid AND h.relname = %s)
"""

# Actions of a run that was handed over to a worker: of each of its migrations, and of the run as a whole, which has the
# id of the first one.
HANDED_OVER, BEGUN, ENDED, GIVEN_UP = "handed_over", "begun", "ended", "given_up"
OF_RUNS = (HANDED_OVER, BEGUN, ENDED, GIVEN_UP)

# Of what is recorded as applied because what it makes is there.
WAS_THERE = "was there already"

_COMMON = "at, run, applied_by, database_user, process, release, database"


class Entry(NamedTuple):
    """What the journal is to have of a change of the history, or of a failure; `milliseconds` is an SQL expression."""

    action: str
    message: str = ""
    milliseconds: str = "NULL"
    sqlstate: str = ""


class Journal(NamedTuple):
    """The table, by its name with its schema; `common` is SQL for what all entries of one run have alike.

    `is_readable` tells that this user may read all of it, which to write does not take.
    """

    table: str
    common: str
    is_readable: bool = False

    @classmethod
    def of(cls, session: Session, table: str, run: str, applied_by: str, release: str) -> Journal:
        """That of one run. Raises DatabaseError if nothing may be written into it."""
        user, database, may_insert, may_read = session.query(_ASKED, [table, table, table])[0]
        if not may_insert:
            raise DatabaseError(
                N_(
                    "Cannot write the journal {table} of the {where}: permission denied. Nothing was run. GRANT "
                    'SELECT, INSERT ON {table} TO "{user}".',
                    table=table,
                    where=session.named,
                    user=user,
                )
            )
        process = f"{socket.gethostname()}:{os.getpid()}"
        values = ", ".join(map(literal, [run, applied_by, user, process, release, database]))
        return cls(table, values, may_read)

    def add(self, id_: MigrationId, checksum: str, entry: Entry) -> str:
        """SQL that adds an entry. Behind another statement it takes the server less time than `follow` in that."""
        return f"{self._insert()} VALUES ({self._values(entry)}, {', '.join(map(literal, [*id_, checksum]))});"

    def follow(self, changed: str, entry: Entry) -> str:
        """An INSERT of `entry` for each row of the query `changed`, which gives app, name and checksum."""
        return f"{self._insert()} SELECT {self._values(entry)}, app, name, checksum FROM {changed}"

    def add_of_rows(self, history: str, done: Sequence[tuple[MigrationId, str, Entry]]) -> str:
        """SQL that adds an entry for each of those that are `done`, with its checksum, the last rows of `history`.

        The times are those of the rows. One statement takes the server less time than one for each.
        """
        values = ", ".join(
            f"({number}, {', '.join(map(literal, [*id_, checksum, entry.action, entry.message]))})"
            for number, (id_, checksum, entry) in enumerate(done)
        )
        return (
            f"{self._insert()} SELECT h.applied_at, {self.common}, d.action, d.message, h.duration_ms, '', d.app,"
            f" d.name, d.checksum FROM (VALUES {values}) d (number, app, name, checksum, action, message) LEFT JOIN"
            f" (SELECT app, name, applied_at, duration_ms FROM {history} ORDER BY id DESC LIMIT {len(done)}) h"
            " ON h.app::text = d.app AND h.name::text = d.name ORDER BY d.number;"
        )

    def elapsed_since_last(self) -> str:
        """SQL for the milliseconds since the last entry in this message, or since its beginning; NULL if hidden."""
        if not self.is_readable:
            return "NULL"
        return elapsed_sql(f"(SELECT at FROM {self.table} ORDER BY id DESC LIMIT 1)")

    def _insert(self) -> str:
        return f"INSERT INTO {self.table} ({_COMMON}, action, message, duration_ms, sqlstate, app, name, checksum)"

    def _values(self, entry: Entry) -> str:
        constants = [literal(entry.action), literal(entry.message), entry.milliseconds, literal(entry.sqlstate)]
        return f"pg_catalog.clock_timestamp(), {self.common}, {', '.join(constants)}"


class Wanted(NamedTuple):
    """Which entries are asked for: of `app`, of one migration, of one `run` or `action`, after `since`; None for all.

    Of those the last `limit`, or with the serial number `before` the last ones before that.
    """

    app: str | None = None
    id: str | None = None
    run: str | None = None
    action: str | None = None
    since: datetime | None = None
    before: int | None = None
    limit: int | None = None


def entries(session: Session, wanted: Wanted) -> list[LogEntry]:
    """Those that are wanted, the earliest first; none without a journal. Raises DatabaseError."""
    if not all(text.isprintable() for text in (wanted.app, wanted.id, wanted.run, wanted.action) if text):
        return []  # of NUL and half a character the driver would raise what is no Error
    conditions, params = zip(*_conditions(wanted), strict=True)
    found = _read(
        session,
        "SELECT id, at, run::text, action, app, name, checksum, duration_ms, applied_by, database_user, process,"
        f" release, database, sqlstate, message FROM {{}} WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT %s",
        [*params, wanted.limit],
    )
    from medusa_migrations.results import LogEntry  # a run that has nothing to do gives none

    return [LogEntry._make([*row[:4], MigrationId(*row[4:6]), *row[6:]]) for row in reversed(found)]


def _conditions(wanted: Wanted) -> Iterator[tuple[str, Any]]:
    yield "id > %s", 0
    if wanted.before is not None:
        yield "id < %s", wanted.before
    if wanted.app is not None:
        yield "app::text = %s", wanted.app
    if wanted.id is not None:
        yield "app::text || '.'::text || name::text = %s", wanted.id
    if wanted.run is not None:
        yield "run::text = %s", wanted.run
    if wanted.action is not None:
        yield "action::text = %s", wanted.action
    if wanted.since is not None:
        yield "at > %s::timestamptz", wanted.since


def past_runs(session: Session) -> list[PastRun]:
    """The runs that the journal knows of, the earliest first; none without a journal. Raises DatabaseError."""
    query = (
        "SELECT run::text, release::text, pg_catalog.max(at), pg_catalog.bool_or(action::text IN ('applied', 'rerun')"
        # A revert that is only recorded has another message.
        f" OR action::text = 'faked' AND message::text IN ('', {literal(WAS_THERE)}))"
        f" FROM {{}} WHERE action::text NOT IN ({', '.join(map(literal, OF_RUNS))})"
        " GROUP BY 1, 2 ORDER BY pg_catalog.max(id)"
    )
    return [PastRun(*row) for row in _read(session, query, None)]


def _read(session: Session, query: str, params: list[Any] | None) -> list[tuple[Any, ...]]:
    place = Place.for_session(session)
    try:
        history = find(session, place.name)
        if history is None:
            refuse_another(session, place)
            return []
        journal = find(session, history.journal)
        if journal is None:
            return []
        refuse_foreign(journal, session)
        if session.query(_HIDDEN, [journal.name])[0][0]:
            raise DatabaseError(
                N_(
                    "Row level security hides entries of the journal {journal} of the {where} from this user. ALTER "
                    "TABLE {journal} DISABLE ROW LEVEL SECURITY, or give this user a policy that lets it read all rows "
                    "(USING (true)).",
                    journal=journal.name,
                    where=session.named,
                )
            )
        return session.query(query.format(journal.name), params)
    except Error as error:
        reason = postgresql.server_error(error)
        is_denied = reason.sqlstate == postgresql.INSUFFICIENT_PRIVILEGE
        cure = N_(" Give this database user SELECT on medusa_migrations_log.") if is_denied else ""
        raise DatabaseError(
            N_(
                "Cannot read the journal of the {where}: {reason}.{cure}",
                where=session.named,
                reason=reason.message,
                cure=cure,
            )
        ) from None


def refuse_left_behind(session: Session, history: Found) -> None:
    """Raise DatabaseError where a history has no journal beside it, and a journal has no history: one was moved."""
    values = [JOURNAL, MigrationLog._meta.db_table_comment, TABLE]
    for (schema,) in session.query(_LEFT_BEHIND, values):
        raise DatabaseError(
            N_(
                "The history {history} of the {where} has no journal in its schema, and the schema {schema!r} has one "
                'without a history. Nothing was run. Move it: ALTER TABLE "{schema}".{journal} SET SCHEMA '
                "{history_schema}; or, if it is another's, rename it.",
                history=history.name,
                where=session.named,
                schema=schema,
                journal=JOURNAL,
                history_schema=history.schema,
            )
        )


def refuse_foreign(found: Found, session: Session, columns: Collection[str] = BASIC_COLUMNS) -> None:
    """Raise DatabaseError for a table that has the journal's name, and is none or has not all of `columns`."""
    if not (found.is_table and found.columns.issuperset(columns)):
        raise DatabaseError(
            N_(
                "The table {table} of the {where} is no journal of medusa_migrations. Nothing was done. Rename it.",
                table=found.name,
                where=session.named,
            )
        )
