"""The scratch database with what has been applied there, and how to go on from that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

from django.db import connections

from medusa_migrations import conf
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History
from medusa_migrations.database.lock import run_lock
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError, MigrationFailed
from medusa_migrations.events import (
    Event,
    Failed,
    Finished,
    Indexing,
    Noticed,
    Progressed,
    Started,
    Working,
    working,
)
from medusa_migrations.files import dist
from medusa_migrations.files.owned import taken_over
from medusa_migrations.files.past import is_after_past
from medusa_migrations.lint.watch import Watch
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction, Key, Migration, Part
from medusa_migrations.plan.known import Row
from medusa_migrations.plan.steps import Step
from medusa_migrations.results import LintFinding
from medusa_migrations.run.failure import StatementFailed
from medusa_migrations.run.options import Options
from medusa_migrations.run.runner import Runner, ready_runner
from medusa_migrations.run.task import Task, load_tasks

from .beside import Beside, Stays
from .beyond import guard, refuse_beyond, refuse_query
from .catalog.snapshot import Reader, Snapshot
from .django_part import DjangoFailed, DjangoPart
from .findings import findings
from .lacking import is_of_the_server
from .located import located, named
from .request import Request
from .scratch.open import Scratch
from .server_wide import Roles
from .watched import Watched

COMMAND = "migrations_verify"

# How many migrations share a transaction where none of them is looked at: their locks have to fit.
TOGETHER = 500

# What a run tells of each migration, and a proof tells in its own way or would tell twice.
_NOT_TOLD = (Started, Finished, Failed, Noticed, Progressed, Indexing, Working)

_OWNER = """
SELECT pg_catalog.pg_get_userbyid(datdba) FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
"""


class PartFailed(Exception):
    """A part failed in the scratch database, as `failed` says."""

    def __init__(self, failed: StatementFailed) -> None:
        super().__init__(str(failed))
        self.failed = failed


class _Ready(NamedTuple):
    """What one scratch is worked on with: one session that runs parts, and one that reads the catalog."""

    up: Runner
    down: Runner
    reader: Reader
    beside: Beside
    django: DjangoPart
    watch: Watch

    @property
    def session(self) -> Session:
        return self.up.run.session


class Stand:
    """A scratch database in which `applied` holds; a new one after a fault, when it is needed.

    `migrations` are the SQL migrations by id; `roles` are those that they make on a server of its own, and go with each
    scratch. Use it as a context manager.
    """

    def __init__(
        self,
        scratch: Scratch,
        request: Request,
        migrations: Mapping[Key, Migration],
        roles: Roles | None = None,
    ) -> None:
        self.scratch, self.request, self.migrations = scratch, request, migrations
        self.roles = roles
        self._stays: Stays = {}
        self.options = _options(request)
        self.applied: list[Key] = []
        self._ready: _Ready | None = None
        self._is_spoilt = False
        self._snapshot: Snapshot | None = None
        self._last: Snapshot | None = None  # whose strings the next one takes
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    @property
    def django(self) -> DjangoPart:
        """Django's migrations as this scratch has them."""
        return self.ready().django

    def apply(self, key: Key) -> None:
        """Apply a migration of either kind. Raises PartFailed, DjangoFailed."""
        if key in self.migrations:
            self.run(self.migrations[key], Direction.UP)
            return
        ready = self.ready()
        self._snapshot = None
        ready.django.apply(key, self._begun())
        self.applied.append(key)

    def _begun(self) -> set[str]:
        """The apps that SQL has taken over, and gone on from their past."""
        last = taken_over()
        applied = (self.migrations[key] for key in self.applied if last and key in self.migrations)
        return {migration.id.app for migration in applied if is_after_past(migration, last)}

    def apply_together(self, keys: Sequence[Key]) -> Sequence[Key]:
        """Apply those of `keys` that come first as several in a transaction; gives those that have to go one by one."""
        done = 0
        groups = list(_groups(keys, self.migrations, self.options.mode))
        for group in working(N_("applying what comes before"), groups, len(groups), self.request.listener):
            try:
                self._apply_group(group)
            except (PartFailed, DjangoFailed):
                self.spoil()
                return keys[done:]
            done += len(group)
        return keys[done:]

    def _apply_group(self, group: Sequence[Key]) -> None:
        if len(group) == 1:
            self.apply(group[0])
            return
        ready = self.ready()
        self._snapshot = None
        tasks = [self._task(self.migrations[key], Direction.UP) for key in group]
        runner = Runner(ready.up.run._replace(options=self.options._replace(mode="all")))
        try:
            with ready.beside.looking(*tasks):
                runner.carry_out(tasks)
        except StatementFailed as failed:
            raise PartFailed(failed) from failed
        except MigrationFailed as error:
            raise PartFailed(_cause(error)) from error
        self.applied += group

    def run(self, migration: Migration, direction: Direction) -> None:
        """Run one part of a migration. Raises PartFailed: see `go_on`."""
        self._run(migration, direction)
        self._note(migration, direction)

    def run_again(self, migration: Migration) -> None:
        """Run the up part of one that is applied, as a run does of what is repeatable. Raises PartFailed."""
        self._run(migration, Direction.UP)

    def _run(self, migration: Migration, direction: Direction) -> None:
        ready = self.ready()
        self._snapshot = None
        self._send(ready, self._task(migration, direction))

    def _note(self, migration: Migration, direction: Direction) -> None:
        """That a part was run."""
        if direction is Direction.UP:
            self.applied.append(migration.id)
        else:
            self.applied.remove(migration.id)

    def watch(self, migration: Migration, direction: Direction) -> tuple[LintFinding, ...]:
        """Run one part of a migration, as `run`, and give what its statements do to tables in use."""
        ready = self.ready()
        self._snapshot = None
        task = self._task(migration, direction)
        run = ready.up.run if direction is Direction.UP else ready.down.run
        watched = Watched(run, task, ready.watch)
        try:
            with ready.beside.looking(task):
                watched.carry_out()
        except StatementFailed as failed:
            raise PartFailed(failed) from failed
        self._note(migration, direction)
        return findings(watched, migration, dist.read_text(migration), direction)

    def snapshot(self) -> Snapshot:
        """The catalog as it is now."""
        ready = self.ready()
        if self._snapshot is None:
            self._snapshot = self._last = ready.reader.read(self._last)
        return self._snapshot

    def located(self, failed: StatementFailed, part: Part | None) -> StatementFailed:
        """The failure of `part`, which was run last, with its statement where that can be found out."""
        if part is None or part.transaction is False:
            return named(failed)
        return located(failed, self.ready().session)

    def session(self) -> Session:
        """The session that runs the parts."""
        self._snapshot = None
        return self.ready().session

    def go_on(self, migration: Migration, *, applied: bool) -> None:
        """Go on with a new scratch in which `migration`, the last one, is applied, or is not.

        It has to follow on a part that has failed, unless that has left nothing.
        """
        if self.applied[-1:] == [migration.id]:
            self.applied.pop()
        if applied:
            self.applied.append(migration.id)
        self.spoil()

    def spoil(self) -> None:
        """What is there is not what `applied` says: the next use makes a new scratch, and applies that again."""
        self._is_spoilt = True

    def have(self, wanted: Sequence[Key]) -> None:
        """Have a scratch in which exactly `wanted` is applied, in that order. Raises PartFailed, DjangoFailed."""
        if self.applied and (self._is_spoilt or self.applied != wanted):
            self.applied = []
            self.spoil()
        for key in wanted[len(self.applied) :]:
            self.apply(key)

    def is_in_transaction(self, migration: Migration, direction: Direction) -> bool:
        """Whether that part is SQL that goes in one transaction."""
        return _is_in_transaction(migration, direction, self.options.mode)

    def owner(self) -> str:
        """Whose the scratch database is."""
        return str(self.ready().session.query(_OWNER)[0][0])

    def ready(self) -> _Ready:
        """What to work with, on a scratch that is as `applied` says, for which it may be made anew.

        All that is done here begins with that. Raises DatabaseError if it cannot be.
        """
        if self._is_spoilt:
            self._renew()
        if self._ready is None:
            self._ready = self._open()
        return self._ready

    def _renew(self) -> None:
        self._stack.close()
        self._ready, self._snapshot = None, None
        self.scratch.renew()
        if self.roles:
            self.roles.drop()
        self._is_spoilt = False
        replayed, self.applied = self.applied, []
        for key in self.apply_together(replayed):
            self._apply_again(key)

    def _apply_again(self, key: Key) -> None:
        try:
            self.apply(key)
        except PartFailed as error:
            if is_of_the_server(error.failed.error):
                raise DatabaseError(joined("\n", error.failed.facts())) from error
            text = N_(
                "{id} was applied once in a scratch database, and fails now that it is applied to a new one: what "
                "depends on chance, on time or on something outside of its database cannot be proven. Change that, or "
                "let it be with VERIFY_AFTER.",
                id=".".join(key),
            )
            raise DatabaseError(joined("\n", [text, *error.failed.facts()])) from error

    def _open(self) -> _Ready:
        alias, interruption = self.request.database, self.request.interruption
        session = self._stack.enter_context(open_session(alias, interruption))
        self._stack.enter_context(run_lock(session, 0, self.options.listener))
        history = History(session)
        history.open()
        if not self.request.server_wide:
            self.options = self.options._replace(guard=guard(session.connection))
        up = self._stack.enter_context(ready_runner(Direction.UP, session, history, self.options))
        down = Runner(up.run._replace(direction=Direction.DOWN))
        looks = self._stack.enter_context(open_session(alias))
        reader, beside = Reader(looks, [history.table, history.journal.table]), Beside(looks, self.roles, self._stays)
        if not self.request.server_wide:
            for connection in (session.connection, connections[alias]):
                self._stack.enter_context(connection.execute_wrapper(refuse_query))
        django = DjangoPart(alias, {id_[0] for id_ in self.migrations}, beside, interruption)
        return _Ready(up, down, reader, beside, django, Watch(session.query))

    def _task(self, migration: Migration, direction: Direction) -> Task:
        """What is to be sent. Raises PartFailed for what would leave the scratch database."""
        is_applied = migration.id in self.applied
        step = _step_up(migration, again=is_applied) if direction is Direction.UP else _step_down(migration)
        (task,) = load_tasks([step], self.options.mode)
        if not self.request.server_wide:
            try:
                refuse_beyond(task)
            except StatementFailed as failed:
                raise PartFailed(failed) from failed
        return task

    def _send(self, ready: _Ready, task: Task) -> None:
        runner = ready.up if task.direction is Direction.UP else ready.down
        try:
            with ready.beside.looking(task):
                runner.carry_out([task])
        except StatementFailed as failed:
            raise PartFailed(failed) from failed
        except MigrationFailed as error:
            raise PartFailed(_cause(error)) from error
        finally:
            runner.report.results.clear()  # a result of each would be kept for as long as there are migrations


def _step_up(migration: Migration, *, again: bool) -> Step:
    return Step(migration.id, Direction.UP, migration, migration.up, row=_row(migration) if again else None)


def _step_down(migration: Migration) -> Step:
    return Step(migration.id, Direction.DOWN, migration, migration.down, row=_row(migration))


def _row(migration: Migration) -> Row:
    return Row(0, migration.id, migration.checksum, "applied")


def _groups(keys: Sequence[Key], migrations: Mapping[Key, Migration], mode: str) -> Iterator[list[Key]]:
    """`keys` in their order, those together that may share a transaction."""
    group: list[Key] = []
    for key in keys:
        migration = migrations.get(key)
        is_shared = migration and _is_in_transaction(migration, Direction.UP, mode)
        if group and (not is_shared or len(group) == TOGETHER):
            yield group
            group = []
        if is_shared:
            group.append(key)
        else:
            yield [key]
    if group:
        yield group


def _is_in_transaction(migration: Migration, direction: Direction, mode: str) -> bool:
    part = migration.part(direction)
    return part is not None and not migration.is_python and part.transaction is not False and mode != "none"


def _cause(error: MigrationFailed) -> StatementFailed:
    assert isinstance(error.__cause__, StatementFailed)  # as the runner raises it
    return error.__cause__


def _options(request: Request) -> Options:
    """How parts run: as a release runs them, without waits."""
    mode = "none" if conf.get_settings().transaction == "none" else "each"

    def tell(event: Event) -> None:
        if not isinstance(event, _NOT_TOLD):
            request.listener(event)

    return Options(
        database=request.database,
        mode=mode,
        listener=tell,
        interruption=request.interruption,
        command=COMMAND,
        announce=False,
    )
