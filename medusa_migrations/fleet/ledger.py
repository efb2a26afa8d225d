"""The ledger of fleet runs in the database CONTROL, beside its history: a work list and a report.

What is applied, each target's own history tells; who is at work, its lock does. A ledger that is behind, or lost, costs
a look at the targets and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import Error
from django.db.models import Model

from medusa_migrations.database import postgresql
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History
from medusa_migrations.database.place import Found, find, refuse_another
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError, PlanError
from medusa_migrations.messages import N_, joined

from .models import FORMAT, FleetRun, FleetRunTarget
from .stages import CANARY, Slot

# The bigint key of what makes the tables and begins runs, one process at a time. It is held for moments.
KEY = int.from_bytes(b"medusafl")
LOCK_TIMEOUT = "30s"

# A name space of its own: a ledger that was dropped counts from 1 again, and no run may have the mark of another.
_MARKS = uuid.UUID("8b0f0c6e-5f1e-4c57-9d0a-3f0d1c2b7a64")

_RUN = "id, fleet, direction, build, options::text, applied_by, begun_at, ended_at, outcome, targets"
_TARGET = (
    "name, stage, position, state, attempt, worker, begun_at, ended_at, pending, applied::text, migration, sqlstate,"
    " error, told, file, line"
)

# What to do where the tables cannot be made or written, by SQLSTATE.
_CURES = {
    postgresql.INSUFFICIENT_PRIVILEGE: N_(
        "Give this database user CREATE on the schema of its history, or SELECT, INSERT and UPDATE on both tables "
        "where they are there."
    ),
    postgresql.INVALID_SCHEMA_NAME: N_("Make the schema that HISTORY_SCHEMA or search_path names there."),
    postgresql.LOCK_NOT_AVAILABLE: N_(
        "Another process has been beginning a run for that long. Run again when it is done."
    ),
}


class Run(NamedTuple):
    """One run of a fleet. `targets` is how many the fleet had; `outcome` is "" until it has ended."""

    id: int
    fleet: str
    direction: str
    build: str
    options: dict[str, Any]
    applied_by: str
    begun_at: datetime
    ended_at: datetime | None
    outcome: str
    targets: int

    @property
    def mark(self) -> str:
        """What the histories of its targets have as the run of all that it applies, whichever process does so."""
        return str(uuid.uuid5(_MARKS, f"{self.fleet} {self.id} {self.begun_at.astimezone(UTC).isoformat()}"))


class Target(NamedTuple):
    """What the ledger has of one target in a run, as FleetRunTarget says."""

    name: str
    stage: int
    position: int
    state: str
    attempt: int
    worker: str
    begun_at: datetime | None
    ended_at: datetime | None
    pending: int
    applied: tuple[str, ...]
    migration: str
    sqlstate: str
    error: str
    told: str
    file: str
    line: int | None

    @property
    def is_settled(self) -> bool:
        """Whether the run has no more to do there."""
        return self.state in ("done", "failed", "skipped")

    def slot(self, server: str = "") -> Slot:
        """Its place in the order of the run, on that server."""
        return Slot(self.name, self.stage, self.position, server)

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for a worker to take it; where one was killed, it is said to be running still."""
        return self.state in ("queued", "running")


class Wanted(NamedTuple):
    """A run that is asked for: `options` are those that say what is done, and not how fast, as JSON has them."""

    fleet: str
    direction: str
    build: str
    options: dict[str, Any]
    applied_by: str
    targets: int


class Work(NamedTuple):
    """A target that has something to do: its place in the order, and how many migrations are pending there."""

    slot: Slot
    pending: int


class Begun(NamedTuple):
    """The run to carry out, and all that it has to do. `is_resumed` tells that another process has begun it."""

    run: Run
    targets: tuple[Target, ...]
    is_resumed: bool
    tables: Tables


class Tables(NamedTuple):
    """The names of both tables with their schema, as SQL writes them."""

    runs: str
    targets: str


def resumes(found: Run | None, wanted: Wanted, *, new: bool) -> bool:
    """Whether `wanted` goes on with `found`, the unfinished run of its fleet if there is one; else another is begun.

    `new` closes the one that is found. Raises PlanError where it is of another build or has other options.
    """
    if found is None or new:
        return False
    if problems := list(_differences(found, wanted)):
        raise PlanError(
            N_(
                "The fleet {fleet!r} has an unfinished run, {found}, and this one is another: {problems}. Nothing was "
                "done. Run it with the same build and options to go on with it, or with --new, which closes it and "
                "begins another.",
                fleet=found.fleet,
                found=_described(found),
                problems=joined("; ", problems),
            )
        )
    return True


def _differences(found: Run, wanted: Wanted) -> Iterator[str]:
    if found.direction != wanted.direction:
        yield N_("that goes {direction}, this goes {wanted}", direction=found.direction, wanted=wanted.direction)
    if found.build != wanted.build:
        yield N_("the build was {build}, and is {wanted}", build=found.build[:12], wanted=wanted.build[:12])
    for name in sorted(found.options.keys() | wanted.options.keys()):
        was, is_ = found.options.get(name), wanted.options.get(name)
        if was != is_:
            yield N_("{name} was {was}, and is {now}", name=name, was=_shown(was), now=_shown(is_))


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _described(run: Run) -> str:
    return N_("number {run}, begun {at:%Y-%m-%d %H:%M:%S %Z} by {by}", run=run.id, at=run.begun_at, by=run.applied_by)


def begin(alias: str, wanted: Wanted, work: Sequence[Work], *, new: bool = False) -> Begun:
    """Go on with the unfinished run of a fleet in the ledger of the database `alias`, or begin one.

    One process at a time does so, and the tables are made by the first that has something to do. `work` is in the order
    of the run. What is new in it since a run was begun goes behind the rest, and is no canary: that has been chosen.
    `new` closes the unfinished run. Raises PlanError as `resumes`, and DatabaseError.
    """
    with open_session(alias) as session, _changing(session):
        tables = _have_tables(session)
        found = _unfinished(session, tables, wanted.fleet)
        is_resumed = resumes(found, wanted, new=new)
        if found and not is_resumed:
            session.execute(ended(tables, found.id, "incomplete"))
        run = found if found and is_resumed else _insert(session, tables, wanted)
        _add(session, tables, run.id, work, is_resumed=is_resumed)
        return Begun(run, targets_of(session, tables, run.id), is_resumed, tables)


def finish(alias: str, wanted: Wanted) -> None:
    """End the unfinished run that `wanted` would go on with, as all of its targets have all: it was killed at its end.

    Raises DatabaseError.
    """
    with open_session(alias) as session:
        tables = _find(session)
        found = _unfinished(session, tables, wanted.fleet) if tables else None
        if tables and found and not list(_differences(found, wanted)):
            settle = (
                f"UPDATE {tables.targets} SET state = 'done', ended_at = pg_catalog.clock_timestamp()"
                f" WHERE run = {found.id} AND state::text IN ('waiting', 'queued', 'running');"
            )
            session.execute(f"BEGIN; {settle} {ended(tables, found.id, 'complete')} COMMIT")


def ended(tables: Tables, run: int, outcome: str, *, only_last: bool = False) -> str:
    """SQL that ends a run, unless it has ended.

    With `only_last`, for one of several processes, it does so only where all targets are settled, and a failure of
    another process makes the outcome incomplete.
    """
    where = f"FROM {tables.targets} t WHERE t.run = {run} AND t.state::text"
    last = f" AND NOT EXISTS (SELECT {where} IN ('waiting', 'queued', 'running'))" if only_last else ""
    value = postgresql.literal(outcome)
    if only_last:
        value = f"CASE WHEN EXISTS (SELECT {where} = 'failed') THEN 'incomplete' ELSE {value} END"
    return (
        f"UPDATE {tables.runs} SET ended_at = pg_catalog.clock_timestamp(), outcome = {value}"
        f" WHERE id = {run} AND ended_at IS NULL{last};"
    )


def runs(alias: str, fleet: str | None = None, limit: int = 20) -> tuple[Run, ...]:
    """The last runs in the ledger of the database `alias`, of one fleet or of all, the earliest first.

    Raises DatabaseError.
    """
    with open_session(alias) as session:
        tables = _find(session)
        return _runs(session, tables, "%s::text IS NULL OR fleet = %s", [fleet, fleet], limit) if tables else ()


def shown(alias: str, run: int) -> tuple[Run, tuple[Target, ...]]:
    """One run, and what the ledger has of its targets in their order.

    Raises PlanError where there is no such run, and DatabaseError.
    """
    with open_session(alias) as session:
        tables = _find(session)
        found = _runs(session, tables, "id::numeric = %s", [run], 1) if tables else ()
        if not tables or not found:
            last = [str(one.id) for one in _runs(session, tables, "true", [], 5)] if tables else []
            hint = N_(" The last ones are {runs}.", runs=", ".join(last)) if last else N_(" There are none.")
            raise PlanError(
                N_(
                    "The ledger in the database {alias!r} has no fleet run {run}.{hint}",
                    alias=alias,
                    run=run,
                    hint=hint,
                )
            )
        return found[0], targets_of(session, tables, run)


def taken(alias: str, run: int, name: str) -> Begun | None:
    """A run that has not ended, and of its targets the one of that name. None where that has nothing left to do.

    Raises DatabaseError.
    """
    with open_session(alias) as session:
        tables = _find(session)
        found = _runs(session, tables, "id = %s AND ended_at IS NULL", [run], 1) if tables else ()
        if not tables or not found:
            return None
        targets = targets_of(session, tables, run, name)
        return Begun(found[0], targets, True, tables) if targets and targets[0].is_wanted else None


def refuse(alias: str, begun: Begun, reason: str) -> None:
    """Tell whoever waits for that one target why a worker does not take it. Raises DatabaseError."""
    with open_session(alias) as session:
        session.query(
            f"UPDATE {begun.tables.targets} SET error = %s WHERE run = %s AND name = %s"
            " AND state IN ('queued', 'running') RETURNING name",
            [reason, begun.run.id, begun.targets[0].name],
        )


@contextlib.contextmanager
def _changing(session: Session) -> Iterator[None]:
    """A transaction of one process at a time. Raises DatabaseError."""
    try:
        session.execute(
            f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';"
            f" SELECT pg_catalog.pg_advisory_xact_lock({KEY});"
        )
        yield
        session.execute("COMMIT")
    except Error as error:
        reason = postgresql.server_error(error)
        text = N_(
            "Cannot write the ledger of fleets in the database {alias!r}: {reason}. Nothing was run.",
            alias=session.alias,
            reason=reason.message,
        )
        cure = _CURES.get(reason.sqlstate or "")
        raise DatabaseError(joined(" ", [text, cure]) if cure else text) from None


def _have_tables(session: Session) -> Tables:
    tables = _find(session)
    if tables is None:
        session.refuse_unusable()
        history = History(session)
        into = f"SET LOCAL search_path TO {_schema(session, history)};"
        made = [*history.creation(FleetRun), *history.creation(FleetRunTarget)]
        session.execute(f"{into} {' '.join(made)}")
        tables = _find(session)
    assert tables is not None
    return tables


def _find(session: Session) -> Tables | None:
    """Both tables, if they are there. Raises DatabaseError where they cannot be used."""
    history = History(session)
    schema = _schema(session, history)
    found = [find(session, f"{schema}.{model._meta.db_table}") for model in (FleetRun, FleetRunTarget)]
    for table, model in zip(found, (FleetRun, FleetRunTarget), strict=True):
        if table:
            _refuse_unusable(table, model, session.alias)
            history.refuse_strangers(table)
    runs, targets = found
    if not runs and not targets:
        return None
    if not runs or not targets:
        there = runs or targets
        assert there is not None
        raise DatabaseError(
            N_(
                "The database {alias!r} has {table} and not the other table of the ledger of fleets. Nothing was done. "
                "Put that back; or drop this one, and the next run makes both again.",
                alias=session.alias,
                table=there.name,
            )
        )
    return Tables(runs.name, targets.name)


def _schema(session: Session, history: History) -> str:
    """The schema of the history, as SQL writes it, where it is or would be made."""
    found = find(session, history.place.name)
    if found:
        return found.schema
    refuse_another(session, history.place)
    [(current,)] = session.query(
        "SELECT pg_catalog.quote_ident(COALESCE(%s::text, pg_catalog.current_schema()::text))", [history.place.schema]
    )
    if current is None:
        raise DatabaseError(
            N_(
                "search_path of the database {alias!r} names no schema that exists and that this user may use, so the "
                "ledger of fleets has no place. Nothing was done. {cure}",
                alias=session.alias,
                cure=_CURES[postgresql.INVALID_SCHEMA_NAME],
            )
        )
    return str(current)


def _refuse_unusable(found: Found, model: type[Model], alias: str) -> None:
    """Raise DatabaseError for a table that has the name of the ledger's, and is none or of another format."""
    called = N_("The table {table} of the database {alias!r}", table=found.name, alias=alias)
    has_all = found.is_table and found.columns >= {str(field.column) for field in model._meta.local_concrete_fields}
    if found.made_with > FORMAT:
        raise DatabaseError(
            N_(
                "{called} was made by a newer version of medusa_migrations (format {format}; this one knows {known}). "
                "Nothing was done. Update medusa_migrations here.",
                called=called,
                format=found.made_with,
                known=FORMAT,
            )
        )
    if found.made_with and not (has_all and found.made_with == FORMAT):
        raise DatabaseError(
            N_(
                "{called} was made by an older version of medusa_migrations (format {format}; this one needs {known}). "
                "Nothing was done. It is only a work list and a report: when no run of a fleet is under way, drop "
                "{runs} and {targets}, and the next run makes them again.",
                called=called,
                format=found.made_with,
                known=FORMAT,
                runs=FleetRun._meta.db_table,
                targets=FleetRunTarget._meta.db_table,
            )
        )
    if not has_all:
        raise DatabaseError(
            N_(
                "{called} is not of the ledger of fleets of medusa_migrations. Nothing was done. Rename it.",
                called=called,
            )
        )


def _unfinished(session: Session, tables: Tables, fleet: str) -> Run | None:
    found = _runs(session, tables, "fleet = %s AND ended_at IS NULL", [fleet], 1)
    return found[0] if found else None


def _insert(session: Session, tables: Tables, wanted: Wanted) -> Run:
    values = [wanted.fleet, wanted.direction, wanted.build, json.dumps(wanted.options), wanted.applied_by[:255]]
    rows = session.query(
        f"INSERT INTO {tables.runs} (fleet, direction, build, options, applied_by, begun_at, outcome, targets)"
        f" VALUES (%s, %s, %s, %s::jsonb, %s, pg_catalog.clock_timestamp(), '', %s) RETURNING {_RUN}",
        [*values, wanted.targets],
    )
    return _run(rows[0])


def _add(session: Session, tables: Tables, run: int, work: Sequence[Work], *, is_resumed: bool) -> None:
    """Have a row for each target, waiting where it is new."""
    least = CANARY + 1 if is_resumed else CANARY
    given = [
        {"name": one.slot.name, "stage": max(one.slot.stage, least), "pending": one.pending, "at": at}
        for at, one in enumerate(work)
    ]
    session.query(
        f"INSERT INTO {tables.targets}"
        " (run, name, stage, position, state, attempt, worker, pending, applied, migration, sqlstate, error,"
        " told, file)"
        " SELECT %s, name, stage, COALESCE((SELECT pg_catalog.max(position) + 1 FROM {0} WHERE run = %s), 0)"
        " + pg_catalog.row_number() OVER (ORDER BY at) - 1, 'waiting', 0, '', pending, '[]'::jsonb, '', '', '', '', ''"
        " FROM pg_catalog.jsonb_to_recordset(%s::jsonb) AS new (name text, stage int, pending int, at int)"
        " WHERE NOT EXISTS (SELECT FROM {0} t WHERE t.run = %s AND t.name = new.name)".format(tables.targets),
        [run, run, json.dumps(given), run],
    )


def _runs(session: Session, tables: Tables, where: str, params: list[Any], limit: int) -> tuple[Run, ...]:
    query = f"SELECT {_RUN} FROM {tables.runs} WHERE {where} ORDER BY id DESC LIMIT %s"
    return tuple(_run(row) for row in reversed(session.query(query, [*params, limit])))


def runs_of(session: Session, tables: Tables, run: int) -> tuple[Run, ...]:
    """That run as it is now, none where it is not there."""
    return _runs(session, tables, "id = %s", [run], 1)


def targets_of(session: Session, tables: Tables, run: int, name: str | None = None) -> tuple[Target, ...]:
    """The targets of that run as they are now, in their order; with `name` the one that is called so."""
    where = "run = %s AND (%s::text IS NULL OR name = %s)"
    rows = session.query(f"SELECT {_TARGET} FROM {tables.targets} WHERE {where} ORDER BY position", [run, name, name])
    return tuple(Target._make(row)._replace(applied=tuple(json.loads(row[9]))) for row in rows)


def _run(row: tuple[Any, ...]) -> Run:
    return Run._make(row)._replace(options=json.loads(row[4]))
