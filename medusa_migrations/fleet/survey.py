"""Looks how the targets of a fleet stand, and writes nothing: few connections a database, a plan a distinct history.

Histories are compared by a digest, so many a query: one query for all would take the server longer. What is out of the
ordinary, as a schema that is not there, is looked at over a connection to that target, which says what is wrong.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from django.db import Error

from medusa_migrations.database.connect import CannotConnect, open_session
from medusa_migrations.database.destination import FleetTarget, alias_of
from medusa_migrations.database.history import History, digest_sql, lets_in, read_known
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.database.lock import lock_holder
from medusa_migrations.database.place import COLUMNS, TABLE, Place, find
from medusa_migrations.database.postgresql import identifier, literal
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError, MigrationError, PlanError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Migration
from medusa_migrations.models import FORMAT, AppliedMigration
from medusa_migrations.plan.backwards import Backwards
from medusa_migrations.plan.forwards import Forwards
from medusa_migrations.plan.known import Known
from medusa_migrations.plan.steps import Plan, refuse_mode_all
from medusa_migrations.results import Failure

from .pool import Interruptions, in_threads
from .results import FleetStatus, Group, Standing

Found = TypeVar("Found")

# How many histories a query reads, and a connection where others may look at more of the same database.
AT_ONCE = 100
A_CONNECTION = 250

# How long a history that somebody has locked is waited for.
LOCK_TIMEOUT = "2s"

# How often a connection that fails is tried again, after how many seconds each.
PAUSES = (0.5, 1.0, 2.0)

# "history" where the digest of a table can be read, "other" where it has to be looked at. The comment is read from its
# catalog: obj_description, a function in SQL, would take most of the time of a connection's first query.
_KIND = f"""CASE
    WHEN c.relkind NOT IN ('r', 'p') OR NOT {COLUMNS} OPERATOR(pg_catalog.@>) %s::text[]
        OR pg_catalog.row_security_active(c.oid) OR NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
        OR (
            SELECT d.description FROM pg_catalog.pg_description d
            WHERE d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0
        ) NOT LIKE '%%, format {FORMAT}' THEN 'other'
    ELSE 'history' END"""

_LOCK_TIMEOUT = f"SET lock_timeout = '{LOCK_TIMEOUT}';"

# No row where the database has no history of its own.
_ORDINARY = f"""{_LOCK_TIMEOUT}
SELECT {_KIND} FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(%s)::oid
"""

# For each schema; "empty" where it has no history yet. LIMIT has each looked up by itself, in an index: a join may read
# all tables of the database.
_ORDINARY_OF_SCHEMAS = f"""{_LOCK_TIMEOUT}
SELECT CASE
    WHEN n.oid IS NULL OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN 'other'
    WHEN c.oid IS NULL THEN 'empty'
    ELSE {_KIND} END
FROM pg_catalog.unnest(%s::text[]) WITH ORDINALITY w (schema, at)
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema::name AND n.nspname::text = w.schema
LEFT JOIN LATERAL (
    SELECT t.oid, t.relkind FROM pg_catalog.pg_class t WHERE t.relnamespace = n.oid AND t.relname = {literal(TABLE)}
    LIMIT 1
) c ON true
ORDER BY w.at
"""


class Asked(NamedTuple):
    """What is to be planned for each target: what is `wanted` of the `migrations`, the build.

    `mode` is that of the transactions; with `fake` only the history would be written.
    """

    wanted: Forwards | Backwards
    migrations: tuple[Migration, ...]
    mode: str = "each"
    fake: bool = False

    @property
    def run(self) -> str | None:
        """The mark of the run that is to be reverted, if one is."""
        return self.wanted.run if isinstance(self.wanted, Backwards) else None

    @property
    def build(self) -> str:
        """A text that tells this build from all others."""
        files = [[str(one.id), one.hash, one.depends] for one in self.migrations]
        return hashlib.sha256(json.dumps(files).encode()).hexdigest()

    def plan(self, history: History) -> Plan:
        """What a run would do. Raises PlanError, DatabaseError."""
        plan = self.wanted.plan(self._known(history))
        if self.mode == "all" and not self.fake:
            refuse_mode_all(plan)
        return plan

    def _known(self, history: History) -> Known:
        return read_known(history, self.migrations, details=self.wanted.direction is Direction.DOWN)


class Survey(NamedTuple):
    """How each target stands, by its name, in the order of the targets; and on which server it is, as any text."""

    standings: dict[str, Standing]
    servers: dict[str, str]

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        return tuple(name for name, standing in self.standings.items() if standing.kind in kinds)

    def held_back(self) -> tuple[str, ...]:
        """What to say where a phase leaves something."""
        count = sum(bool(one.held_back) for one in self.standings.values())
        if not count:
            return ()
        text = N_("On {count} targets migrations are held back until the new code is live: --phase after.", count=count)
        return (text,)

    def status(self, fleet: str, build: str, notes: tuple[str, ...] = ()) -> FleetStatus:
        """The targets grouped by how they stand, the largest group first."""
        groups: dict[Standing, list[str]] = {}
        for name, standing in self.standings.items():
            groups.setdefault(standing, []).append(name)
        found = [Group(standing, tuple(names)) for standing, names in groups.items()]
        return FleetStatus(fleet, build, tuple(sorted(found, key=lambda group: -len(group.targets))), notes)


class _Digested(NamedTuple):
    """A target, and the digest of its history, None where it has to be looked at by itself."""

    target: FleetTarget
    digest: str | None
    server: str = ""
    problem: Standing | None = None


def survey(targets: Sequence[FleetTarget], asked: Asked, jobs: int, interruptions: Interruptions) -> Survey:
    """How `targets` stand, looked at over as many connections at once as `jobs` says. Raises StopRequested.

    What is wrong with a target is in how it stands, and no error.
    """
    look = _Look(asked, interruptions)
    places: dict[Any, list[FleetTarget]] = {}
    for target in targets:
        places.setdefault(_place(target), []).append(target)
    parts = [part for members in places.values() for part in _chunks(members, A_CONNECTION)]
    digested = list(itertools.chain.from_iterable(in_threads(look.digests, parts, jobs)))
    found = {one.target.name: one.problem for one in digested if one.problem}
    alike: dict[Any, list[FleetTarget]] = {}
    for one in digested:
        if not one.problem:
            alike.setdefault(look.key(one), []).append(one.target)
    for standings in in_threads(look.standings, list(alike.items()), jobs):
        found |= standings
    servers = {one.target.name: one.server for one in digested}
    return Survey({target.name: found[target.name] for target in targets}, servers)


def _place(target: FleetTarget) -> Any:
    """What targets of one database share."""
    settings = target.settings
    return target.database, settings if callable(settings) else repr(dict(settings))


class _Look(NamedTuple):
    """One survey: what is asked, and what stops it."""

    asked: Asked
    interruptions: Interruptions

    def digests(self, members: Sequence[FleetTarget]) -> list[_Digested]:
        """Those of targets of one database, over one connection."""
        whole = members[0] if len(members) == 1 and members[0].schema is None else _whole(members[0])
        try:
            with self.interruptions.one() as interruption:
                return connecting(lambda: self._digests(whole, members, interruption), interruption.wait)
        except MigrationError as error:
            return [_Digested(one, None, problem=_problem(error)) for one in members]

    def _digests(
        self, whole: FleetTarget, members: Sequence[FleetTarget], interruption: Interruption
    ) -> list[_Digested]:
        with open_session(whole, interruption) as session:
            settings = session.connection.settings_dict
            server = f"{settings.get('HOST')}:{settings.get('PORT')}"
            own = Place.of(session.alias).name
            tables = _tables(session, members, own)
            found = dict(self._read(session, {name: table for name, table in tables.items() if table}))
        empty = {name: "" for name, table in tables.items() if table == ""}
        return [_Digested(one, (found | empty).get(one.name), server) for one in members]

    def _read(self, session: Session, tables: dict[str, str]) -> Iterator[tuple[str, str]]:
        """The digests of histories by the names of their targets, without those that cannot be read together."""
        for some in _chunks(list(tables.items()), AT_ONCE):
            selects = [digest_sql(table, self.asked.run) for _, table in some]
            numbered = (f"SELECT {number}, ({select})" for number, select in enumerate(selects))
            try:
                rows = session.query(" UNION ALL ".join(numbered))
            except Error:
                if session.connection.connection.closed:
                    raise
                continue  # one of them was dropped or locked meanwhile, and each is looked at by itself
            yield from ((some[number][0], digest) for number, digest in rows)

    def key(self, one: _Digested) -> Any:
        """What targets share that need only one plan; nobody else shares that of one without a digest."""
        if one.digest is None:
            return one.target.name, None, None
        labels = sorted({migration.id.app for migration in self.asked.migrations})
        let_in = (
            one.target.apps
            if one.target.apps is not None
            else tuple(label for label in labels if lets_in(one.target, label))
        )
        return "", one.digest, let_in

    def standings(self, alike: tuple[Any, Sequence[FleetTarget]]) -> dict[str, Standing]:
        """How those stand whose histories had one digest; one that has changed meanwhile stands for itself alone."""
        (_, digest, _), members = alike
        found: dict[str, Standing] = {}
        for number, target in enumerate(members):
            standing, is_same = self._standing(target, digest)
            found[target.name] = standing
            if is_same:
                return found | {one.name: standing for one in members[number:]}
        return found

    def _standing(self, target: FleetTarget, digest: str | None) -> tuple[Standing, bool]:
        """How a target stands, and whether its history has that digest still."""
        try:
            with self.interruptions.one() as interruption:
                return connecting(lambda: self._planned(target, digest, interruption), interruption.wait)
        except MigrationError as error:
            return _problem(error), False

    def _planned(self, target: FleetTarget, digest: str | None, interruption: Interruption) -> tuple[Standing, bool]:
        with open_session(target, interruption) as session:
            session.execute(_LOCK_TIMEOUT)
            history = History(session)
            standing = self._plan(history)
            table = find(session, history.place.name)
            if table:
                history.refuse_newer(table.made_with)
            if digest is None or (table is None) != (digest == ""):
                return standing, False
            now = session.query(digest_sql(table.name, self.asked.run))[0][0] if table else ""
            return standing, now == digest

    def _plan(self, history: History) -> Standing:
        """How it stands by a plan; where another run forbids one, it is for that to end."""
        try:
            return _stands(self.asked.plan(history))
        except PlanError as error:
            if lock_holder(history.session) is not None:
                return Standing("pending")
            problem = error
        try:
            return _stands(self.asked.plan(history))
        except PlanError:
            return _problem(problem)


def connecting(work: Callable[[], Found], pause: Callable[[float], None]) -> Found:
    """What `work` gives; where no connection can be made, whatever the reason, it is tried again after pauses."""
    for seconds in PAUSES:
        try:
            return work()
        except CannotConnect:
            pause(seconds)
    return work()


def _whole(target: FleetTarget) -> FleetTarget:
    """The database that a target is in, under the name of its alias."""
    return target._replace(name=alias_of(target), schema=None)


def _tables(session: Session, members: Sequence[FleetTarget], own: str) -> dict[str, str | None]:
    """The history of each, by its name, as SQL writes it; "" where there is none yet, None where that is to be seen."""
    columns = [field.column for field in AppliedMigration._meta.local_fields]
    found: dict[str, str | None] = {one.name: None for one in members}
    schemas = {one.name: one.schema for one in members if one.schema is not None}
    if len(schemas) < len(members):
        kinds = session.query(_ORDINARY, [columns, own])
        found |= {one.name: own for one in members if one.schema is None and kinds == [("history",)]}
    if schemas:
        rows = session.query(_ORDINARY_OF_SCHEMAS, [columns, list(schemas.values())])
        for (name, schema), (kind,) in zip(schemas.items(), rows, strict=True):
            found[name] = {"history": f"{identifier(schema)}.{TABLE}", "empty": ""}.get(kind)
    return found


def _stands(plan: Plan) -> Standing:
    pending = tuple(step.id for step in plan.steps)
    held_back = tuple(one.id for one in plan.held_back)
    return Standing("pending" if pending else "current", pending, held_back)


def _problem(error: MigrationError) -> Standing:
    kind = {CannotConnect: "unreachable", DatabaseError: "unusable"}.get(type(error), "refused")
    told = str(error)
    return Standing(kind, error=Failure(None, told), told=told)  # type: ignore[arg-type]  # one of those three


def _chunks(given: Sequence[Found], size: int) -> Iterable[Sequence[Found]]:
    return (given[at : at + size] for at in range(0, len(given), size))
