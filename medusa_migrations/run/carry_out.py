"""From what is asked for to a result: plan, and unless there is nothing to do, lock, plan again and do it.

A run that has nothing to do is a part of every release's start: what only others need is imported by those.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple, Protocol

from django.db import connections

from medusa_migrations.database.connect import open_session
from medusa_migrations.database.destination import key_of, name_of
from medusa_migrations.database.history import History, is_settled, read_known
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.session import Session
from medusa_migrations.errors import Interrupted, PlanError, StalePlanError
from medusa_migrations.files.build import checksums, to_run, unbuilt
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Migration, MigrationId, django_dependencies
from medusa_migrations.plan.known import Known
from medusa_migrations.plan.steps import Plan, fingerprint, refuse_mode_all
from medusa_migrations.run_result import Failure, MigrationResult, RunResult

from .options import Options

if TYPE_CHECKING:
    from medusa_migrations.plan.backwards import Backwards
    from medusa_migrations.plan.forwards import Forwards

    from .shared import Run
    from .task import Task


class Wanted(Protocol):
    """What a run is asked for, as Forwards and Backwards are: of the app with the label `app`, None for all."""

    @property
    def app(self) -> str | None: ...
    @property
    def direction(self) -> Direction: ...
    def plan(self, known: Known) -> Plan: ...


def carry_out(wanted: Forwards | Backwards, options: Options) -> RunResult:
    """Do what is `wanted`, or with `options.only_plan` only say what that would be; as `carry_out_in`.

    A build comes before, where `options` or the settings say so, and at the end what is not built is told.
    """
    load = functools.partial(to_run, only_plan=options.only_plan, build_first=options.build, listener=options.listener)
    built = _built(wanted, options)
    migrations = () if built else load()  # what is wrong with it is told before anything is connected to
    with _session(wanted.direction, options) as session:
        history = History(session, options.applied_by, options.run)
        if built and not is_settled(history, built):
            built = {}  # thousands take room, which is left to what is loaded
            migrations = load()
        if built:
            plan = Plan(wanted.direction, ())
            _refuse_stale(plan, options)
            result = _looked_at(session, plan, options)
        else:
            result = _carried_out(_Work(wanted, options, migrations, history))
    if wanted.direction is Direction.UP and not result.migrations:
        return result._replace(notes=(*unbuilt(built or (one.id for one in migrations)), *result.notes))
    return result


def _built(wanted: Forwards | Backwards, options: Options) -> Mapping[MigrationId, str]:
    """The checksums of a build: where all of that is applied, nothing is left of what is `wanted`. Else empty."""
    is_for_all = wanted.direction is Direction.UP and wanted.app is None and wanted.to is None
    may_be_done = is_for_all and not options.is_due
    return checksums(only_plan=options.only_plan, build_first=options.build) if may_be_done else {}


def carry_out_in(migrations: tuple[Migration, ...], wanted: Wanted, options: Options) -> RunResult:
    """Do what is `wanted` of `migrations`, the build, or with `options.only_plan` only say what that would be.

    Raises MigrationFailed and Interrupted, with the result so far, if a migration fails or the run is stopped. After
    any other error nothing is changed.
    """
    with _session(wanted.direction, options) as session:
        history = History(session, options.applied_by, options.run)
        return _carried_out(_Work(wanted, options, migrations, history))


class _Planned(NamedTuple):
    """A plan, and what it follows from."""

    asked: Wanted
    known: Known
    plan: Plan


class _Work(NamedTuple):
    """What a plan is made of."""

    wanted: Wanted
    options: Options
    migrations: tuple[Migration, ...]
    history: History

    @property
    def session(self) -> Session:
        return self.history.session

    def planned(self, before: _Planned | None = None) -> _Planned:
        """What is to be done as things are now; of what is as it was `before`, the plan is the same too.

        Raises PlanError, DatabaseError.
        """
        is_revert = self.wanted.direction is Direction.DOWN
        known = read_known(self.history, self.migrations, details=is_revert)
        asked = self._asked()
        plan = before.plan if before and (before.asked, before.known) == (asked, known) else asked.plan(known)
        if self.options.mode == "all" and not self.options.fake:
            refuse_mode_all(plan)
        if not is_revert and any(step.migration and django_dependencies(step.migration) for step in plan.steps):
            from .prerequisites import check_applied

            check_applied(plan.steps, self.session, fake=self.options.fake)
        if is_revert and plan.steps and not self.options.fake:
            from .dependents import refuse_needed

            refuse_needed(plan.steps, known, self.session)
        return _Planned(asked, known, plan)

    def _asked(self) -> Wanted:
        """What is wanted, with what the journal knows of it where that is needed."""
        if self.wanted.direction is Direction.UP:
            return self.wanted
        from medusa_migrations.database.journal import past_runs
        from medusa_migrations.plan.backwards import Backwards

        assert isinstance(self.wanted, Backwards)
        return self.wanted._replace(runs=past_runs(self.session)) if self.wanted.to_release else self.wanted

    def load(self, planned: _Planned | None) -> list[Task]:
        """The tasks of a plan, with their SQL. Raises DistError and FileError for what is spoilt."""
        from .task import load_tasks

        return load_tasks(planned.plan.steps if planned else (), self.options.mode, fake=self.options.fake)

    def compared(self, tasks: list[Task], run: Run) -> list[Task]:
        """`tasks`, of which baselines whose tables are there are only to be recorded. Raises PlanError, FileError."""
        if not any(one.step.is_baseline and not one.fake for one in tasks):
            return tasks
        from .baseline import with_recorded

        return with_recorded(tasks, run, read_known(self.history, self.migrations))


def _carried_out(work: _Work) -> RunResult:
    options, session = work.options, work.session
    planned = None if options.is_due else _plan_unless_running(work)
    if planned and (options.only_plan or not planned.plan.steps):
        _refuse_stale(planned.plan, options)
        return _with_notes(_looked_at(session, planned.plan, options), planned.plan, work)
    from medusa_migrations.database.lock import run_lock
    from medusa_migrations.database.types import renew_types

    from .runner import ready_runner

    tasks = work.load(planned)  # what is spoilt is refused before anything is waited for
    with run_lock(session, options.lock_wait, options.listener) if options.lock else nullcontext():
        if options.begin:
            options.begin(work.history)
        before, planned = planned, work.planned(planned)
        plan = planned.plan
        _refuse_stale(plan, options)
        if before is None or plan != before.plan:
            tasks = work.load(planned)
        before = planned = None  # thousands take room
        if tasks:
            session.refuse_unusable()
            work.history.open()
        try:
            with ready_runner(plan.direction, session, work.history, options) as runner:
                return _with_notes(runner.carry_out(work.compared(tasks, runner.run)), plan, work)
        finally:
            if tasks:
                renew_types(connections[session.alias])


def _plan_unless_running(work: _Work) -> _Planned | None:
    """The plan; None where another run is in the middle of what forbids one: that is a reason to wait for it.

    Where nobody is, that run may have ended since the history was read, so it is read again.
    """
    try:
        return work.planned()
    except PlanError:
        from medusa_migrations.database.lock import lock_holder

        if lock_holder(work.session) is not None:
            if work.options.only_plan or not work.options.lock:
                raise
            return None
    return work.planned()


def _looked_at(session: Session, plan: Plan, options: Options) -> RunResult:
    if not options.only_plan:
        return RunResult(session.alias, plan.direction, target=name_of(session.where))
    from .preview import as_result

    return as_result(session, plan, options)


def _with_notes(result: RunResult, plan: Plan, work: _Work) -> RunResult:
    """`result` with what is held back, a note on that, and one that offers to revert what has no file."""
    app, notes = work.wanted.app, result.notes
    if plan.held_back:
        from .held_back import held_back

        notes = (*notes, held_back([one.id for one in plan.held_back], app, work.session.where))
    if plan.missing:
        from .missing import offer

        notes = (*notes, *offer(plan.missing, app, work.session.where))
    held = tuple(MigrationResult(one.id, "held_back", phase=one.phase) for one in plan.held_back)
    return result._replace(notes=notes, held_back=held)


def _refuse_stale(plan: Plan, options: Options) -> None:
    if options.expected is not None and options.expected != fingerprint(plan, options.mode, key_of(options.where)):
        raise StalePlanError(
            N_("What would be done is not what was shown any more. Nothing was done. Look at it again.")
        )


@contextmanager
def _session(direction: Direction, options: Options) -> Iterator[Session]:
    """The session of a run; a stop that the runner does not know of is told here."""
    try:
        if options.wait:
            from .waiting import wait_for_server

            wait_for_server(options)
        with open_session(options.where, options.interruption) as session:
            yield session
    except StopRequested as stop:
        message = N_("Stopped by {reason} before the first migration: nothing was run.", reason=str(stop))
        result = RunResult(options.database, direction, error=Failure(None, message), target=name_of(options.where))
        raise Interrupted(message, str(stop), result) from stop
