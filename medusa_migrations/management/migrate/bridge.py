"""Makes Django's migrate plan and run the SQL migrations too."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration as DjangoMigration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from medusa_migrations import conf
from medusa_migrations.database.connect import connected
from medusa_migrations.database.types import renew_types
from medusa_migrations.errors import DatabaseError, PlanError
from medusa_migrations.files.owned import are_migrations_disabled, made_by_sql, sql_labels, taken_over
from medusa_migrations.management.console import Console, written
from medusa_migrations.messages import N_
from medusa_migrations.migration import Key, Migration
from medusa_migrations.run.states import RenderableState

from .run import Asked, MigrateRun
from .tenants import is_left_to_django

# The runs under way, by alias: a receiver of post_migrate may call for another database, a thread for a third.
_under_way: ContextVar[Mapping[str, MigrateRun]] = ContextVar("under_way")

_DISABLED = N_(
    "The tables are made from the models, without migrations of either kind (--no-migrations, TEST['MIGRATE'] or "
    "MIGRATION_MODULES). What only SQL migrations make is missing: views, triggers, functions, constraints, rows."
)


class RunFile(Operation):
    """What `migrate --plan` shows of an SQL migration; it changes nothing that Django knows of the models."""

    def __init__(self, source: str, *, was_there: bool) -> None:
        self.source, self.was_there = source, was_there

    def describe(self) -> str:
        if self.was_there:
            return N_("Record {source}, if its tables, which are there, are as it makes them", source=self.source)
        return N_("Run {source}", source=self.source)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass


class SqlMigration(DjangoMigration):
    """An SQL migration as Django's plan has it."""

    def __init__(self, migration: Migration, *, was_there: bool) -> None:
        super().__init__(migration.id.name, migration.id.app)
        self.id = migration.id
        self.operations = [RunFile(migration.source, was_there=was_there)]  # type: ignore[misc]  # as Django's __init__ does itself


class BridgedExecutor(MigrationExecutor):
    """Django's executor, whose plan has the SQL migrations of the run under way for its database, if there is one."""

    def __init__(self, connection: BaseDatabaseWrapper, progress_callback: Any = None) -> None:
        super().__init__(connection, progress_callback)
        self.forwards: list[tuple[DjangoMigration, bool]] = []
        self.has_new_types = False
        self.applied: set[Key] = set()
        self.run = _under_way.get({}).get(connection.alias)
        if self.run is None:
            return
        if is_left_to_django(connection):
            self.run.has_joined = True
            self.run = None
            return
        self.run.join(self.loader)
        label = self.run.asked.app_label
        if label in {id_.app for id_ in self.run.known.by_id}:
            self.loader.migrated_apps.add(label)  # or Django says that it has no migrations

    def migration_plan(
        self, targets: Sequence[tuple[str, str | None]] | set[tuple[str, str]], clean_start: bool = False
    ) -> list[tuple[DjangoMigration, bool]]:
        """Django's plan with the SQL migrations in it; one with a clean start ends with what was planned before."""
        # Of a squashed migration Django asks itself once more, and so this; what is SQL of that answer is planned anew.
        plan = [step for step in super().migration_plan(targets, clean_start) if not isinstance(step[0], SqlMigration)]
        if self.run is None:
            return plan
        if clean_start:
            planned = {migration for migration, _ in self.forwards}
            return [step for step in plan if step[0] not in planned] + self.forwards
        keys = [(migration.app_label, migration.name) for migration, _ in plan]
        self.forwards = []
        if any(backwards for _, backwards in plan):
            self.run.refuse_to_unapply(self.loader, keys)
            return plan
        nodes = self.loader.graph.nodes
        order = self.run.plan(self.loader, keys)
        self.forwards = [
            (SqlMigration(one, was_there=one.id in self.run.there) if isinstance(one, Migration) else nodes[one], False)
            for one in order
        ]
        return self.forwards

    def migrate(self, *args: Any, **kwargs: Any) -> ProjectState:
        """Do what Django's does; the state at the end has the models of all apps."""
        state = super().migrate(*args, **kwargs)
        self._renew_types()
        if isinstance(state, RenderableState):
            state.take_over(self._over())
            state.let_in()
        return state

    def apply_migration(
        self, state: ProjectState, migration: DjangoMigration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        """Apply one of Django's as Django does; an SQL migration is the run's to apply and record."""
        if self.run and isinstance(migration, SqlMigration):
            self.run.apply(migration.id)
            self.has_new_types = True
            return state
        if self.run:
            self.run.check_lock()
        self._renew_types()
        self._bring_up_to_date(state)
        state = super().apply_migration(state, migration, fake, fake_initial)
        self.applied.add((migration.app_label, migration.name))
        return state

    def unapply_migration(self, state: ProjectState, migration: DjangoMigration, fake: bool = False) -> ProjectState:
        """Unapply one of Django's as Django does, which goes on from the state as it is."""
        if self._begun():
            state = state.clone()
            self._bring_up_to_date(state)
        return super().unapply_migration(state, migration, fake)

    def _renew_types(self) -> None:
        """After SQL migrations, and before what Django does next."""
        if self.has_new_types:
            renew_types(self.connection)
            self.has_new_types = False

    def _bring_up_to_date(self, state: ProjectState) -> None:
        """Have what was left out of the state let in, and what SQL has taken over as it is today."""
        if isinstance(state, RenderableState):
            state.take_over(self._begun())
            state.let_in()

    def _begun(self) -> Collection[str]:
        """The apps whose SQL has gone on from their past, which is over: without a run, as far as is known.

        An app can have more of a past than the database has, in which its SQL is applied: its migrations go on in that.
        """
        found = self.run.begun if self.run else taken_over().keys()
        if not found:
            return found
        done = self.loader.applied_migrations.keys() | self.applied
        found = found - {label for label, _ in self.loader.graph.nodes.keys() - done}
        return found if self.run or not found else found & sql_labels()

    def _over(self) -> Collection[str]:
        """The apps that SQL has taken over, and whose past is applied by now; what has no SQL yet needs none."""
        found = taken_over().keys()
        applied = self.recorder.applied_migrations().keys() if found else ()
        return found - {label for label, _ in self.loader.graph.nodes.keys() - applied} if found else found

    def _create_project_state(self, with_applied_migrations: bool = False) -> ProjectState:
        """Django's state, made one that can always be rendered."""
        state: ProjectState = super()._create_project_state(with_applied_migrations)  # type: ignore[misc]  # not in stubs
        by_django = {label for label, _ in self.loader.graph.nodes}
        found = RenderableState.of(state, by_django, self.run.untouched() - by_django if self.run else ())
        if with_applied_migrations:
            found.take_over(self._begun())
        return found


@contextlib.contextmanager
def bridged(asked: Asked, console: Console) -> Iterator[Collection[str]]:
    """While this lasts, Django's command has the SQL migrations in its plan.

    Gives the labels of the apps whose tables are not Django's to make. Raises PlanError for a target that is none.
    """
    if are_migrations_disabled():
        written(console.stderr, console.style.WARNING(_DISABLED))
        yield ()
        return
    by_sql = made_by_sql(sql_labels())
    is_on = conf.is_testing() or conf.get_settings().run_on_migrate
    label = asked.app_label
    if label in by_sql and (asked.migration_name or not is_on):
        raise PlanError(
            N_(
                "The tables of {label!r} are made by SQL migrations. Use migrations_run {label}, with --to up to one "
                "of them, or migrations_revert {label}.",
                label=label,
            )
        )
    with _taking_part(asked, console) if is_on else contextlib.nullcontext(), executor_replaced, _recorder_replaced:
        yield by_sql
    if conf.is_testing():
        from .emptying import forget_with_django
        from .serialization import keep_rows

        keep_rows(connections[asked.database], by_sql)
        forget_with_django(connections[asked.database])


@contextlib.contextmanager
def _taking_part(asked: Asked, console: Console) -> Iterator[None]:
    """While this lasts, there is a run for the database, and Django's command makes an executor that knows of it."""
    outer = _under_way.get({})
    if asked.database in outer:  # which holds the lock
        asked = replace(asked, lock=False)
    with contextlib.ExitStack() as stack:
        run = MigrateRun(stack.enter_context(connected(asked.database)), asked, console, stack)
        run.refuse_target()
        _connect_django(asked.database)
        token = _under_way.set({**outer, asked.database: run})
        stack.callback(_under_way.reset, token)
        yield
        if not run.has_joined:
            raise PlanError(
                N_(
                    "The SQL migrations did not take part: the command `migrate` below this app's in INSTALLED_APPS "
                    "does not use Django's executor. Set RUN_ON_MIGRATE to False, and run them with migrations_run."
                )
            )


def _connect_django(alias: str) -> None:
    """Raise DatabaseError if there can be no connection of Django's beside ours."""
    try:
        connections[alias].ensure_connection()
    except OperationalError as error:
        raise DatabaseError(
            N_(
                "`migrate` needs two connections to the database {alias!r}, one for Django's migrations and one for "
                "SQL migrations, and got only one: {problem}\n"
                "Nothing was done. See that CONNECTION LIMIT of the user and of the database, and max_connections, "
                "leave room for two.",
                alias=alias,
                problem=str(error).strip(),
            )
        ) from None


class _Replacement:
    """While it is entered, in any thread, the attribute `name` of `owner` is what `ours` makes of the one before.

    There is no other way to have Django's command make what is ours. That extends what somebody else has put there.
    """

    def __init__(self, owner: Any, name: str, ours: Callable[[Any], Any]) -> None:
        self.owner, self.name, self.ours = owner, name, ours
        self.guard = threading.Lock()
        self.users = 0
        self.theirs: Any = None

    def __enter__(self) -> None:
        with self.guard:
            if self.users == 0:
                self.theirs = vars(self.owner)[self.name]
                setattr(self.owner, self.name, self.ours(self.theirs))
            self.users += 1

    def __exit__(self, *exc: object) -> None:
        with self.guard:
            self.users -= 1
            if self.users == 0:
                setattr(self.owner, self.name, self.theirs)


def _bridged(theirs: type[MigrationExecutor]) -> type[MigrationExecutor]:
    return type("BridgedExecutor", (BridgedExecutor, theirs), {})


# Whether a table is there that Django's own listing of all tables would have.
_IS_TABLE = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(%s)::oid
    AND c.relkind IN ('f', 'p', 'r') AND NOT c.relispartition)
"""


def _looking_for_one(theirs: Any) -> Any:
    if getattr(theirs, "__module__", None) != MigrationRecorder.__module__:
        return theirs  # somebody else's

    def has_table(recorder: MigrationRecorder) -> bool:
        """Whether the table of Django's history is there, as Django's own finds it among all that there are.

        Django asks three times, and each listing of 5,000 tables takes a tenth of a `migrate` that has nothing to do.
        """
        connection, known = recorder.connection, vars(recorder)
        if not _lists_as_django(connection):
            return bool(theirs(recorder))
        if not known.get("_has_table"):
            name = connection.ops.quote_name(recorder.Migration._meta.db_table)
            with connection.cursor() as cursor:
                cursor.execute(_IS_TABLE, [name])
                (known["_has_table"],) = cursor.fetchone()
        return bool(known["_has_table"])

    return has_table


def _lists_as_django(connection: BaseDatabaseWrapper) -> bool:
    """Whether a connection lists tables as Django's PostgreSQL does; that of tenants has those of one schema alone."""
    if connection.vendor != "postgresql":
        return False
    from django.db.backends.postgresql.introspection import DatabaseIntrospection as Djangos

    kind = type(connection.introspection)
    return kind.get_table_list is Djangos.get_table_list and kind.table_names is Djangos.table_names


executor_replaced = _Replacement(migrate, "MigrationExecutor", _bridged)
_recorder_replaced = _Replacement(MigrationRecorder, "has_table", _looking_for_one)
