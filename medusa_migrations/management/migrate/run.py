"""The SQL migrations of one `migrate`: what is pending, the lock, and how each is run.

What only pending SQL migrations need is imported when there are some.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connections
from django.db.migrations.loader import MigrationLoader

from medusa_migrations import conf
from medusa_migrations.database.connect import database_errors
from medusa_migrations.database.history import History, is_settled, read_known
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.lock import lock_holder, run_lock
from medusa_migrations.database.session import Session
from medusa_migrations.errors import Interrupted, PlanError
from medusa_migrations.files.build import checksums, to_run, unbuilt
from medusa_migrations.files.owned import taken_over
from medusa_migrations.files.past import is_after_past
from medusa_migrations.management.console import Console
from medusa_migrations.management.stop import stopped_by_signals
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction, Key, Migration, MigrationId
from medusa_migrations.plan.known import Known, know
from medusa_migrations.plan.steps import Step
from medusa_migrations.run.options import Execution, Options, forwards

if TYPE_CHECKING:
    from medusa_migrations.run.runner import Runner
    from medusa_migrations.run.task import Task

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


class MigrateRun:
    """The SQL migrations that take part in one `migrate`, over `session`.

    What is to last until the command ends goes onto `stack`.
    """

    def __init__(self, session: Session, asked: Asked, console: Console, stack: contextlib.ExitStack) -> None:
        self.session, self.asked, self.console, self.stack = session, asked, console, stack
        self.history = History(session)
        # A test database is made of the sources, whatever was built when.
        self.only_plan = asked.only_look or conf.is_testing()
        # Where all of the build is applied, nothing is left to do, and it need not be loaded.
        self.built = checksums(only_plan=self.only_plan) if asked.app_label is None else {}
        self.migrations = () if self.built else self._load()
        self.phase = conf.phase_of_environment()
        self.last = taken_over()
        self.begun: set[str] = set()  # the apps whose SQL has gone on from their past
        self.known = self._read()
        self.has_joined = False
        self.is_locked = False
        self.there: Collection[MigrationId] = ()  # of a look, the baselines that a run would record if they are alike
        self.groups: dict[Key, list[Task]] = {}  # those that share a transaction, by the first of them
        self.runner: Runner | None = None

    def refuse_target(self) -> None:
        """Raise PlanError for the name of an SQL migration: Django's command looks among its own."""
        label, name = self.asked.app_label, self.asked.migration_name
        found = next((id_ for id_ in self.known.by_id if id_.app == label and name in (id_.name, id_.timestamp)), None)
        if found:
            raise PlanError(
                N_(
                    "{id} is an SQL migration. Use migrations_run --to {id}, or migrations_revert {label}.",
                    id=found,
                    label=label,
                )
            )

    def join(self, loader: MigrationLoader) -> None:
        """Take the lock if either kind has something to do or somebody has it, and read both histories again under it.

        Who has it and has applied all may still be at Django's post_migrate, which two cannot do at once: both would
        insert the same content types and permissions.
        """
        self.has_joined = True
        if self.asked.lock and not self.asked.only_look and (self._has_work(loader) or self._is_held()):
            wait = conf.chosen("lock_wait", self.asked.lock_wait)
            with self._stoppable():
                self.stack.enter_context(run_lock(self.session, wait, self.console))
            self.is_locked = True
            loader.build_graph()
            self.known = self._read()
        self._tell_held_back()
        if not self.known.pending() and not conf.is_testing():
            for note in unbuilt(self.built or (one.id for one in self.migrations)):
                self.console.alert(note)

    def _tell_held_back(self) -> None:
        label = self.asked.app_label
        held = [id_ for id_ in self.known.held_back(self.phase) if label in (None, id_.app)]
        if held and self.asked.migration_name is None:
            from medusa_migrations.run.held_back import held_back

            held.sort(key=lambda id_: id_.sort_key)
            self.console.alert(held_back(held, label, self.asked.database))

    def _has_work(self, loader: MigrationLoader) -> bool:
        return (
            self.asked.migration_name is not None
            or bool(self.known.due(self.phase))
            or any(key not in loader.applied_migrations for key in loader.graph.nodes)
        )

    def untouched(self) -> set[str]:
        """The labels of the apps whose SQL migrations are all still to come."""
        return {id_.app for id_ in self.known.by_id} - {id_.app for id_ in self.known.rows}

    def _is_held(self) -> bool:
        with database_errors(self.session.alias):
            return lock_holder(self.session) is not None

    def plan(self, loader: MigrationLoader, django: Sequence[Key]) -> list[Key | Migration]:
        """Of both kinds what is to be done, in its order; `django` is what Django would do.

        Raises PlanError where the history does not allow it, DistError for files that are not what was built, and
        DatabaseError where nothing could be recorded.
        """
        pending = self._pending()
        self._refuse_held_back(loader, django)
        if not pending:
            return list(django)
        from medusa_migrations.plan.forwards import steps_of
        from medusa_migrations.run.combined import combined_order

        order = combined_order(loader, django, pending, self._chosen(pending))
        in_order = set(order)
        taking_part = [one for one in pending if one.id in in_order]
        found = steps_of(taking_part, self.known, self.known.not_remade(self.phase), fake=self.asked.fake)
        steps: dict[Key, Step] = {step.id: step for step in found}
        # The repeatable ones are last, also those that only go for others and are made again.
        repeatable = [key for key, step in steps.items() if step.id.is_repeatable]
        order = [*(key for key in order if key not in repeatable), *repeatable]
        if steps and self.asked.only_look:
            self._look_at(found)
        elif steps:
            self._prepare([steps[key] for key in order if key in steps])
        return [steps[key].migration or key if key in steps else key for key in order]

    def _look_at(self, steps: Sequence[Step]) -> None:
        """Find out which baselines of `steps` have tables that are there."""
        if not self.asked.fake and any(step.is_baseline for step in steps):
            from medusa_migrations.run.baseline import may_be_recorded

            with database_errors(self.session.alias):
                self.there = may_be_recorded(steps, self.session)

    def _chosen(self, pending: Sequence[Migration]) -> list[Key] | None:
        """What of SQL `migrate` names, None without an app: a name is of one of Django's, and what that needs comes."""
        if not self.asked.app_label:
            return None
        return [] if self.asked.migration_name else [one.id for one in pending if one.id.app == self.asked.app_label]

    def _pending(self) -> Sequence[Migration]:
        """What is pending. Raises PlanError where the history does not allow to run it."""
        # A test database that was kept meets every branch, and is anybody's to make anew.
        wanted = forwards(strict=False if conf.is_testing() else None, phase=self.phase, fake=self.asked.fake)
        try:
            wanted.plan(self.known)
        except PlanError as error:
            if conf.is_testing():
                raise PlanError(
                    N_(
                        "{problem}\nIf this is a test database that was kept, make it anew: run the tests once without "
                        "--keepdb, or, with pytest, with --create-db.",
                        problem=error.args[0],
                    )
                ) from None
            raise
        return self.known.due(self.phase)

    def _refuse_held_back(self, loader: MigrationLoader, django: Sequence[Key]) -> None:
        """Raise PlanError if one of `django` names an app made by SQL of which nothing is applied, nor will be now."""
        held = self.known.held_back(self.phase)
        if not held or self.asked.fake:
            return
        from medusa_migrations.run.combined import referring

        due = {migration.id.app for migration in self.known.due(self.phase)}
        without = (self.untouched() - due) & {id_.app for id_ in held}
        for key, label in referring(loader, django, without):
            first = min((id_ for id_ in held if id_.app == label), key=lambda id_: id_.sort_key)
            raise PlanError(
                N_(
                    "Django's migration {migration} names the app {label!r}, whose tables are not there: MEDUSA_PHASE "
                    "is before, and {first} is held back. Nothing was done. Take `-- migrate:phase after` out of what "
                    "makes the tables, or run migrate without MEDUSA_PHASE.",
                    migration=".".join(key),
                    label=label,
                    first=first,
                )
            )

    def _prepare(self, steps: Sequence[Step]) -> None:
        """Find out before anything is done, by Django either, whether `steps` could be read, run and recorded."""
        from medusa_migrations.run.runner import check_begun, groups
        from medusa_migrations.run.task import load_tasks

        if not connections[self.asked.database].get_autocommit():
            raise PlanError(
                N_(
                    "SQL migrations are pending, and `migrate` was called inside a transaction, or with AUTOCOMMIT "
                    "off. They have a connection of their own, which would not see what that did and might wait for "
                    "it for ever. Nothing was run. Call it outside of atomic(); in tests, from a TransactionTestCase."
                )
            )
        tasks = load_tasks(steps, "each", fake=self.asked.fake)
        check_begun(tasks)
        with self._stoppable():
            self.session.refuse_unusable()
            self.history.open()
            if any(task.step.is_baseline and not task.fake for task in tasks):
                from medusa_migrations.run.baseline import with_recorded

                self.runner = self.runner or self._ready_runner()
                tasks = with_recorded(tasks, self.runner.run, self.known)
        self.groups = {group[0].id: group for group in groups(tasks)}

    def refuse_to_unapply(self, loader: MigrationLoader, unapplying: Collection[Key]) -> None:
        """Raise PlanError if an applied SQL migration needs one of Django's that are to be unapplied."""
        from medusa_migrations.run.combined import left_without

        known = self._read(details=True)
        left = left_without(loader, unapplying, known)
        if not left or self.asked.fake:
            return
        lines = [N_("  {id} needs {needed}", id=one.id, needed=".".join(one.needs)) for one in left]
        vague = sorted({one.needs[0] for one in left if one.is_vague})
        hints = [
            N_(
                "Or, if what is listed needs no more than one migration of {label}, name that above its up part with "
                "`-- migrate:depends {label}.NAME`, and build: a new header is no change.",
                label=label,
            )
            for label in vague
        ]
        raise PlanError(
            joined(
                "\n",
                [
                    N_("SQL migrations that are applied need what is to be unapplied; nothing was done:"),
                    *lines,
                    N_("Revert them first with migrations_revert; its --plan tells what would go."),
                    *hints,
                ],
            )
        )

    def apply(self, id_: MigrationId) -> None:
        """Run one of those that were planned, with those that share its transaction, which is that for each of them.

        Raises MigrationFailed, Interrupted, DatabaseError.
        """
        if is_after_past(self.known.by_id[id_], self.last):
            self.begun.add(id_.app)
        if id_ not in self.groups:
            return
        with self._stoppable():
            if self.runner is None:
                self.runner = self._ready_runner()
            self.runner.carry_out(self.groups.pop(id_))

    def check_lock(self) -> None:
        """Raise DatabaseError if the lock is lost, as by a server that was restarted."""
        with database_errors(self.session.alias):
            self.session.execute(self.session.lock.check if self.is_locked else "SELECT 1")

    def _ready_runner(self) -> Runner:
        from medusa_migrations.run.runner import ready_runner

        how: Execution = {"transaction": "each", "lock": self.is_locked, "listener": self.console}
        options = Options.chosen(how, command=COMMAND)
        return self.stack.enter_context(ready_runner(Direction.UP, self.session, self.history, options))

    def _load(self) -> tuple[Migration, ...]:
        return to_run(only_plan=self.only_plan, listener=self.console)

    def _read(self, *, details: bool = False) -> Known:
        """What there is to plan with: nothing where nothing is left."""
        with database_errors(self.session.alias):
            if self.built and is_settled(self.history, self.built):
                return know((), (), conf.get_settings().is_on)
            if self.built:
                self.built, self.migrations = {}, self._load()
            known = read_known(self.history, self.migrations, details=details)
        applied = (known.by_id[id_] for id_ in known.rows if self.last and id_ in known.by_id)
        self.begun.update(one.id.app for one in applied if is_after_past(one, self.last))
        return known

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Signals stop what is done here; meanwhile Django's own migrations have Django's own ways."""
        with stopped_by_signals(self.session.interruption), database_errors(self.session.alias):
            try:
                yield
                self.session.interruption.check()
            except StopRequested as stop:
                raise Interrupted(
                    N_(
                        "Stopped by {signal}. Nothing more was begun. Run {command} again to go on.",
                        signal=stop,
                        command=COMMAND,
                    ),
                    str(stop),
                ) from stop
