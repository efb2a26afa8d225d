"""Records as applied what another tool has applied: its table is read, the history written, and nothing is run."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import Error, router

from medusa_migrations import conf
from medusa_migrations.database import postgresql
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History
from medusa_migrations.database.journal import Entry
from medusa_migrations.database.lock import run_lock
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError, PlanError
from medusa_migrations.events import Listener
from medusa_migrations.files.build import from_sources
from medusa_migrations.files.dist import read_text, stored_down
from medusa_migrations.messages import N_
from medusa_migrations.migration import Migration, MigrationId
from medusa_migrations.sql.names import quoted, quoted_table

from .draft import STOP
from .tool import Applied, Theirs

# A table that may be read: its columns, of PostgreSQL's own types. To read a view may call another's functions.
_COLUMNS = """
SELECT a.attname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.oid = pg_catalog.to_regclass(%s)::oid AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
"""

# A time without a zone is in that of the server, which Django's connections replace by their own.
_SERVER_TIME = (
    "SELECT pg_catalog.set_config('TimeZone', reset_val, false) FROM pg_catalog.pg_settings WHERE name = 'TimeZone'"
)

_TIME = "timestamptz"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What every driver can read in every time zone.
_EARLIEST, _LAST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class Recorder:
    """What a tool's history in one database has of the migrations in `ids`, which are by that tool's keys."""

    def __init__(self, session: Session, theirs: Theirs, table: str | None, ids: Mapping[str, MigrationId]) -> None:
        self.history = History(session)
        self.theirs, self.ids = theirs, ids
        self.table = table or theirs.history.name
        self.applied = self._read()

    def _read(self) -> list[Applied]:
        """What the tool has applied. Raises PlanError for what is not settled, DatabaseError for a table not its."""
        session, known = self.history.session, self.theirs.history
        table = quoted_table(self.table)
        try:
            columns = {name for (name,) in session.query(_COLUMNS, [table])}
            self._refuse_another(columns)
            session.query(_SERVER_TIME)
            optional = (_column(one) if _name(one) in columns else "NULL" for one in known.optional)
            wanted = ", ".join([*map(_column, known.columns), *optional])
            rows = session.query(f"SELECT {wanted} FROM {table} ORDER BY {quoted(known.sorted_by)}")
        except Error as error:
            session.rollback()
            raise DatabaseError(
                N_(
                    "Cannot read {table!r}, the history of {tool}, in the database {database!r}: {reason}. Nothing "
                    "was recorded.",
                    table=self.table,
                    tool=self.theirs.name,
                    database=session.alias,
                    reason=postgresql.server_error(error).message,
                )
            ) from None
        return known.read([self._checked(row) for row in rows], list(self.ids))

    def _checked(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """A row with its times as such. Raises PlanError for one that lacks what every row has."""
        known, whose = self.theirs.history, self.theirs.name
        values: list[Any] = []
        for column, value in zip((*known.columns, *known.optional), row, strict=True):
            name, _, type_ = column.partition("::")
            if value is None and type_ != _TIME and name not in known.may_lack:
                raise PlanError(
                    N_(
                        "{table!r}, the history of {tool} in the database {database!r}, has a row in which {column} "
                        "is NULL, which {tool} never writes. Nothing was recorded. Mend or delete that row; then run "
                        "this again.",
                        table=self.table,
                        tool=whose,
                        database=self.history.session.alias,
                        column=name,
                    )
                )
            values.append(_moment(value) if type_ == _TIME else value)
        return tuple(values)

    def _refuse_another(self, columns: set[str]) -> None:
        known = self.theirs.history
        needed = set(map(_name, known.columns))
        if not columns:
            raise DatabaseError(
                N_(
                    "There is no table {table!r} in the database {database!r}, where {tool} has its history. Nothing "
                    "was recorded. If it has another name, or is in a schema that search_path does not have, give "
                    "that: --history SCHEMA.TABLE.",
                    table=self.table,
                    database=self.history.session.alias,
                    tool=self.theirs.name,
                )
            )
        if not needed <= columns or columns & set(known.others):
            raise DatabaseError(
                N_(
                    "The table {table!r} of the database {database!r} is not a history of {tool}, which has the "
                    "columns {columns}. Nothing was recorded. Give the name of that table: --history TABLE.",
                    table=self.table,
                    database=self.history.session.alias,
                    tool=self.theirs.name,
                    columns=", ".join(sorted(needed)),
                )
            )

    def unknown(self) -> list[str]:
        """What it has applied that no file was imported for."""
        return [one.key for one in self.applied if one.key not in self.ids]

    def new(self) -> dict[MigrationId, Applied]:
        """What is to be recorded: it is applied, and the history does not have it."""
        there = {row.id for row in self.history.rows()}
        found = {self.ids[one.key]: one for one in self.applied if one.key in self.ids}
        return {id_: one for id_, one in found.items() if id_ not in there}

    def record(self) -> tuple[MigrationId, ...]:
        """Write what is new into the history and the journal, in one transaction. Needs the lock and the files.

        Raises PlanError for a file that somebody has to look at still: its text, and so its checksum, will be another.
        """
        migrations = {migration.id: migration for migration in from_sources()[0]}
        new = self.new()
        if not new:
            return ()
        _refuse_unsettled([migrations[id_] for id_ in new])
        self.history.open()
        inserts = [
            self.history.insert(
                id_,
                migrations[id_].checksum,
                stored_down(migrations[id_]),
                milliseconds="NULL" if one.milliseconds is None else str(one.milliseconds),
                entry=Entry("faked", f"applied by {self.theirs.name}"),
                applied_at=one.at,
            )
            for id_, one in new.items()
        ]
        self.history.write(inserts)
        return tuple(new)


def _refuse_unsettled(migrations: Iterable[Migration]) -> None:
    unsettled = [one.source for one in migrations if STOP in read_text(one)]
    if unsettled:
        raise PlanError(
            N_(
                "{files}: still to be looked at, so that the text will be another than what is recorded. Nothing was "
                "recorded. Settle what stops a run there, and run this again with --history.",
                files=", ".join(unsettled),
            )
        )


@contextlib.contextmanager
def recorder(
    theirs: Theirs, table: str | None, ids: Mapping[str, MigrationId], alias: str, listener: Listener, *, dry_run: bool
) -> Iterator[Recorder]:
    """Read a tool's history under the run lock, which is held while this lasts; for a `dry_run` without it."""
    _refuse_routed(alias, {id_.app for id_ in ids.values()})
    with open_session(alias) as session:
        locked = contextlib.nullcontext() if dry_run else run_lock(session, conf.chosen("lock_wait", None), listener)
        with locked:
            if not dry_run:
                session.refuse_unusable()
            yield Recorder(session, theirs, table, ids)


def _refuse_routed(alias: str, labels: Iterable[str]) -> None:
    for label in labels:
        if not router.allow_migrate(alias, label):
            raise PlanError(
                N_(
                    "DATABASE_ROUTERS keep the app {app!r} out of the database {database!r}. Nothing was imported. "
                    "Give another with --database.",
                    app=label,
                    database=alias,
                )
            )


def _name(column: str) -> str:
    return column.partition("::")[0]


def _column(column: str) -> str:
    name, _, type_ = column.partition("::")
    value = f"{quoted(name)}::{type_}"
    return f"pg_catalog.date_part('epoch', {value})" if type_ == _TIME else value


def _moment(seconds: float | None) -> datetime | None:
    """The moment that many seconds after 1970; None for an infinite one, which no driver reads, or one far away."""
    if seconds is None or not math.isfinite(seconds):
        return None
    try:
        found = _EPOCH + timedelta(microseconds=round(seconds * 1_000_000))
    except OverflowError:
        return None
    return found if _EARLIEST <= found < _LAST else None
