"""Django's migrate plans and runs the SQL migrations too.

What only pending SQL migrations need is imported when there are some.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration as DjangoMigration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from . import conf
from .builds import app_labels, to_run, unbuilt
from .console import Console
from .errors import Interrupted, PlanError
from .history import History
from .interleaving import Key
from .interruption import StopRequested
from .management.signals import stopped_by_signals
from .migration import Direction, Migration, MigrationId
from .options import Options
from .plan import Known, Step, plan_run
from .routing import read_known
from .session import Session, connected, database_errors

if TYPE_CHECKING:
    from .runner import Runner
    from .task import Task

COMMAND = "migrate"


@dataclass(frozen=True, slots=True)
class Asked:
    """What `migrate` was asked for: its options of the same names; `only_look` stands for --plan and --check."""

    database: str
    app_label: str | None
    migration_name: str | None
    fake: bool
    only_look: bool
    lock: bool
    lock_wait: float | None


class RunFile(Operation):
    """What `migrate --plan` shows of an SQL migration; it changes nothing that Django knows of the models."""

    def __init__(self, source: str) -> None:
        self.source = source

    def describe(self) -> str:
        return f"Run {self.source}"

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass


class SqlMigration(DjangoMigration):
    """An SQL migration as Django's plan has it."""

    def __init__(self, migration: Migration) -> None:
        super().__init__(migration.id.name, migration.id.app)
        self.id = migration.id
        self.operations = [RunFile(migration.source)]  # type: ignore[misc]  # as Django's __init__ does itself


class Bridge:
    """The SQL migrations of one `migrate`: what is pending, the run lock, the runner.

    What is to last until the command ends goes onto `stack`.
    """

    def __init__(self, session: Session, asked: Asked, console: Console, stack: contextlib.ExitStack) -> None:
        self.session, self.asked, self.console, self.stack = session, asked, console, stack
        self.history = History(session)
        # A test database is made of the sources, whatever was built when.
        self.migrations = to_run(only_plan=asked.only_look or conf.is_testing(), listener=console)
        self.known = self._read()
        self.tasks: dict[Key, Task] = {}
        self.runner: Runner | None = None

    def join(self, loader: MigrationLoader) -> None:
        """Take the lock if either kind has something to do, and read both histories again under it."""
        has_work = (
            self.asked.migration_name is not None
            or bool(self.known.pending())
            or any(key not in loader.applied_migrations for key in loader.graph.nodes)
        )
        if has_work and self.asked.lock and not self.asked.only_look:
            given = self.asked.lock_wait
            wait = conf.get_settings().lock_wait if given is None else conf.checked("lock_wait", given)
            with self._stoppable():
                self.stack.enter_context(self.session.lock(wait, self.console))
            loader.build_graph()
            self.known = self._read()
        if not self.known.pending() and not conf.is_testing():
            for note in unbuilt(self.migrations):
                self.console.alert(note)

    def plan(self, loader: MigrationLoader, django: Sequence[Key]) -> list[DjangoMigration]:
        """Of both kinds what is to be done, in its order; `django` is what Django would do.

        Raises PlanError where the history does not allow it, DistError for files that are not what was built.
        """
        steps = {step.id: step for step in self._pending_steps()}
        if not steps:
            return [loader.graph.nodes[key] for key in django]
        from .combined import combined_order

        chosen: list[MigrationId] | None = None
        if self.asked.app_label:
            chosen = [] if self.asked.migration_name else [id_ for id_ in steps if id_.app == self.asked.app_label]
        pending = [step.migration for step in steps.values() if step.migration]
        order = combined_order(loader, django, pending, chosen)
        planned = [step for key in order if (step := steps.get(MigrationId(*key)))]
        if planned and not self.asked.only_look:
            self._load(planned)
        sql: dict[Key, DjangoMigration] = {step.id: SqlMigration(step.migration) for step in planned if step.migration}
        return [sql[key] if key in sql else loader.graph.nodes[key] for key in order]

    def _pending_steps(self) -> Sequence[Step]:
        try:
            return plan_run(self.known, labels=app_labels()).steps
        except PlanError as error:
            if conf.is_testing():
                raise PlanError(
                    f"{error}\nThis is a test database that was kept. Make it anew: run the tests once without "
                    "--keepdb, or, with pytest, with --create-db."
                ) from None
            raise

    def _load(self, steps: Sequence[Step]) -> None:
        """Have the SQL of `steps` at hand, so that what is spoilt is refused before anything is done."""
        from .stepwise import resume_at
        from .task import load_tasks

        if not connections[self.asked.database].get_autocommit():
            raise PlanError(
                "SQL migrations are pending, and `migrate` was called inside a transaction. They have a connection of "
                "their own, which would not see what that did and might wait for it for ever. Nothing was run. Call "
                "it outside of atomic(); in tests, from a TransactionTestCase."
            )
        self.tasks = {task.id: task for task in load_tasks(steps, "each", fake=self.asked.fake)}
        for task in self.tasks.values():
            resume_at(task)

    def refuse_to_unapply(self, loader: MigrationLoader, unapplying: Collection[Key]) -> None:
        """Raise PlanError if an applied SQL migration needs one of Django's that are to be unapplied."""
        from .combined import left_without

        applied = [migration for migration in self.known.migrations if self.known.is_applied(migration.id)]
        left = left_without(loader, unapplying, applied)
        if left and not self.asked.fake:
            raise PlanError(
                "SQL migrations that are applied need what is to be unapplied; nothing was done:\n"
                + "\n".join(f"  {id_} needs {'.'.join(key)}" for id_, key in left.items())
                + "\nRevert them first with migrations_revert; its --plan tells what would go."
            )

    def apply(self, id_: Key) -> None:
        """Run one of those that were planned. Raises MigrationFailed, Interrupted, DatabaseError."""
        with self._stoppable():
            if self.runner is None:
                self.runner = self._ready_runner()
            self.runner.run(Direction.UP, [self.tasks[id_]])

    def _ready_runner(self) -> Runner:
        from .runner import Runner

        settings = conf.get_settings()
        options = Options("each", settings.lock_timeout, settings.statement_timeout, settings.retries, COMMAND)
        self.session.refuse_unusable()
        self.history.open()
        runner = Runner(self.session, self.history, options, self.console)
        self.stack.enter_context(runner.ready())
        return runner

    def _read(self) -> Known:
        with database_errors(self.session.alias):
            return read_known(self.history, self.migrations)

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Signals stop what is done here; meanwhile Django's own migrations have Django's own ways."""
        with stopped_by_signals(self.session.interruption), database_errors(self.session.alias):
            try:
                yield
                self.session.interruption.check()
            except StopRequested as stop:
                raise Interrupted(
                    f"Stopped by {stop}. Nothing more was begun. Run {COMMAND} again to go on.", str(stop)
                ) from stop


class BridgedExecutor(MigrationExecutor):
    """Django's executor, whose plan has the SQL migrations of `bridge` too."""

    bridge: ClassVar[Bridge]

    def __init__(self, connection: BaseDatabaseWrapper, progress_callback: Any = None) -> None:
        super().__init__(connection, progress_callback)
        self.forwards: list[tuple[DjangoMigration, bool]] = []
        self.bridge.join(self.loader)
        label = self.bridge.asked.app_label
        if label in {id_.app for id_ in self.bridge.known.by_id}:
            self.loader.migrated_apps.add(label)  # or Django says that it has no migrations

    def migration_plan(
        self, targets: Sequence[tuple[str, str | None]] | set[tuple[str, str]], clean_start: bool = False
    ) -> list[tuple[DjangoMigration, bool]]:
        """As Django's; one with a clean start has what was planned before in the same order at its end."""
        plan = super().migration_plan(targets, clean_start)
        if clean_start:
            planned = {migration for migration, _ in self.forwards}
            return [step for step in plan if step[0] not in planned] + self.forwards
        keys = [(migration.app_label, migration.name) for migration, _ in plan]
        if any(backwards for _, backwards in plan):
            self.bridge.refuse_to_unapply(self.loader, keys)
            return plan
        self.forwards = [(migration, False) for migration in self.bridge.plan(self.loader, keys)]
        return self.forwards

    def apply_migration(
        self, state: ProjectState, migration: DjangoMigration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        """As Django's; an SQL migration has a connection, a record and a progress of its own."""
        if isinstance(migration, SqlMigration):
            self.bridge.apply(migration.id)
            return state
        return super().apply_migration(state, migration, fake, fake_initial)


@contextlib.contextmanager
def bridged(asked: Asked, console: Console) -> Iterator[None]:
    """While this lasts, Django's command uses a BridgedExecutor.

    The command makes its executor by the name in its module, and there is no other way to hand it one. If somebody
    else has put theirs there, ours goes on top of it.
    """
    theirs: type[MigrationExecutor] = vars(migrate)["MigrationExecutor"]
    with contextlib.ExitStack() as stack:
        bridge = Bridge(stack.enter_context(connected(asked.database)), asked, console, stack)
        executor = type("BridgedExecutor", (BridgedExecutor, theirs), {"bridge": bridge})
        stack.callback(setattr, migrate, "MigrationExecutor", theirs)
        setattr(migrate, "MigrationExecutor", executor)  # noqa: B010 - to mypy a class is no variable
        yield
