"""The public functions. The commands, the admin and users' own admin actions call nothing else.

Each takes the options of the command of the same name as keyword arguments, returns a frozen dataclass of
`medusa_migrations.results` and raises a subclass of `medusa_migrations.errors.MigrationError`. What only some of them
need is imported by those: a run that has nothing to do is a part of every release's start.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, Unpack

from django.apps import apps
from django.db import router

from . import conf, dist, sources
from .errors import DistError, Interrupted, PlanError
from .events import Built, Listener, ignore
from .history import History
from .interruption import Interruption, StopRequested
from .migration import Direction, Migration, MigrationId
from .options import Options
from .ordering import ahead_warning, django_dependencies, ordered
from .plan import (
    Known,
    Plan,
    Row,
    check_app,
    in_order,
    know,
    out_of_order,
    plan_revert,
    plan_run,
    refuse_mode_all,
    state_of,
)
from .results import (
    BuildResult,
    Failure,
    MadeFile,
    MigrationResult,
    RepairResult,
    RunResult,
    ShownMigration,
    ShowResult,
)
from .session import LockHolder, Session, open_session

__all__ = ["Execution", "Interruption", "build", "make", "repair", "revert", "run", "show"]


def build(*, check: bool = False) -> BuildResult:
    """Collect the migrations of all installed apps into dist; with `check` only compare, and write nothing.

    Raises BuildError for files that cannot be used, OrderError for their dependencies, DistError for the folder.
    """
    dist_dir = conf.get_settings().dist_dir
    before = _last_build(dist_dir)
    migrations, warnings = _from_sources(before)
    is_current = True
    if check:
        is_current = dist.is_current(dist_dir, migrations)
    else:
        dist.write(dist_dir, migrations)
    known = {migration.id: migration.hash for migration in before}
    return BuildResult(
        dist_dir,
        built=tuple(migration.id for migration in migrations),
        new=tuple(migration.id for migration in migrations if migration.id not in known),
        changed=tuple(one.id for one in migrations if known.get(one.id, one.hash) != one.hash),
        warnings=warnings,
        is_current=is_current,
    )


def make(app: str, name: str, *, timestamp: str | None = None, dry_run: bool = False) -> MadeFile:
    """Write an empty migration `name` for the app with the label `app`, or with `dry_run` only say what it would be.

    `timestamp` is `YYYYMMDDHHMMSS`; by default it is now, after every migration that is there.
    """
    from .make import make as write

    return write(app, name, timestamp=timestamp, dry_run=dry_run)


class Execution(TypedDict, total=False):
    """How `run` and `revert` work. What is left out, or None, is as the settings say.

    `fake` writes the history only. `transaction` is "all", "each" or "none". `build` tells whether to build first.
    `lock` False takes no lock; `lock_wait` is in seconds. `lock_timeout` and `statement_timeout` are PostgreSQL
    durations, and `retries` a number of further tries. `database` is an alias; `applied_by` is by default the operating
    system's user. `listener` is told of every event, of who blocks in another thread. `interruption` stops the run.
    """

    fake: bool
    transaction: str | None
    build: bool | None
    lock: bool
    lock_wait: float | None
    lock_timeout: str | None
    statement_timeout: str | None
    retries: int | None
    database: str
    applied_by: str | None
    listener: Listener
    interruption: Interruption


def run(
    app: str | None = None,
    *,
    to: str | None = None,
    plan: bool = False,
    sql: bool = False,
    check: bool = False,
    **how: Unpack[Execution],
) -> RunResult:
    """Apply all pending migrations, of `app` and what it depends on, up to the id `to`.

    `plan`, `sql` and `check` change nothing: the result has what would run, with `sql` its SQL too.
    Raises MigrationFailed, with the result so far, if a migration fails; after any other error nothing is changed.
    """
    only_plan = plan or sql or check
    migrations = _migrations(how, only_plan=only_plan)

    def planner(known: Known) -> Plan:
        return plan_run(known, app=app, to=to, labels=_labels())

    result = _carry_out(migrations, planner, Direction.UP, how, only_plan=only_plan, sql=sql)
    return result if result.migrations else replace(result, notes=_unbuilt(migrations))


def revert(
    app: str | None = None,
    *,
    steps: int | None = None,
    to: str | None = None,
    last_run: bool = False,
    all: bool = False,
    plan: bool = False,
    sql: bool = False,
    **how: Unpack[Execution],
) -> RunResult:
    """Undo the last applied migration, or the last `steps`, those after the id `to`, those of the last run, or all.

    `plan` and `sql`, and what is raised, are as for `run`.
    """
    given = [
        name for name, on in (("steps", steps is not None), ("to", to), ("last_run", last_run), ("all", all)) if on
    ]
    if len(given) > 1:
        raise PlanError(f"{' and '.join(given)} cannot go together: choose one.")
    if steps is not None and steps < 1:
        raise PlanError(f"steps is {steps}: at least 1 is needed.")

    def planner(known: Known) -> Plan:
        return plan_revert(
            known,
            app=app,
            steps=steps,
            to=to,
            last_run=last_run,
            everything=all,
            fake=how.get("fake", False),
            labels=_labels(),
        )

    migrations = _migrations(how, only_plan=plan or sql)
    return _carry_out(migrations, planner, Direction.DOWN, how, only_plan=plan or sql, sql=sql)


def show(app: str | None = None, *, database: str = "default") -> ShowResult:
    """Every migration with its state, in their order. Writes nothing, and needs no more than SELECT on the history."""
    with open_session(database) as session:
        migrations = _allowed(_migrations({}, only_plan=True), database)
        rows = _allowed_rows(History(session).rows(details=True), database)
        known = know(migrations, rows, conf.get_settings().is_on)
        holder = session.lock_holder()
    check_app(app, known, _labels())
    late = out_of_order(known)
    ids = (id_ for id_ in in_order(known) if app is None or id_.app == app)
    return ShowResult(database, tuple(_shown(id_, known, holder, id_ in late) for id_ in ids))


def repair(
    *,
    accept_changes: Sequence[str] | None = None,
    mark_applied: Sequence[str] = (),
    mark_reverted: Sequence[str] = (),
    renamed: Sequence[str] = (),
    database: str = "default",
    lock: bool = True,
    lock_wait: float | None = None,
    applied_by: str | None = None,
    listener: Listener = ignore,
) -> RepairResult:
    """Settle the history by hand; without anything to do, only look what needs repair.

    `accept_changes` are ids whose checksums of today are recorded (all changed ones if it is empty), `mark_applied` and
    `mark_reverted` ids, `renamed` pairs `OLD=NEW` of ids or of app labels. All of it is done, or nothing.
    """
    from .repair import Repair, findings

    settings = conf.get_settings()
    migrations = _allowed(_migrations({}, only_plan=True), database)
    with open_session(database) as session:
        history = History(session, applied_by or _user())

        def now() -> Known:
            return know(migrations, _allowed_rows(history.rows(), database), settings.is_on)

        before = now()
        if accept_changes is None and not (mark_applied or mark_reverted or renamed):
            return RepairResult(database, (), findings(before, locked=session.lock_holder() is not None))
        with session.lock(_chosen("lock_wait", lock_wait, settings), listener) if lock else nullcontext():
            session.refuse_unusable()
            history.open()
            known = now()
            if known.rows != before.rows:
                raise PlanError("Another run has changed the history meanwhile. Nothing was repaired: look again.")
            repairs = Repair(known, history)
            if accept_changes is not None:
                repairs.accept_changes(accept_changes)
            for id_ in mark_applied:
                repairs.mark_applied(id_)
            for id_ in mark_reverted:
                repairs.mark_reverted(id_)
            for pair in renamed:
                repairs.rename(pair)
            history.write(repairs.sql)
            return RepairResult(database, tuple(repairs.done), ())


def _carry_out(
    migrations: tuple[Migration, ...],
    planner: Callable[[Known], Plan],
    direction: Direction,
    how: Execution,
    *,
    only_plan: bool,
    sql: bool,
) -> RunResult:
    """Plan, and unless there is nothing to do or only the plan is wanted, lock, plan again and do it."""
    settings = conf.get_settings()
    options = _options(how, settings)
    fake, listener = how.get("fake", False), how.get("listener", ignore)
    lock_wait = _chosen("lock_wait", how.get("lock_wait"), settings)
    database = how.get("database", "default")

    with _session(how, direction) as session:
        history = History(session, how.get("applied_by") or _user())
        allowed = _allowed(migrations, database)

        def planned() -> Plan:
            rows = history.rows(details=direction is Direction.DOWN)
            plan = planner(know(allowed, _allowed_rows(rows, database), settings.is_on))
            if options.mode == "all" and not fake:
                refuse_mode_all(plan)
            if any(step.migration and django_dependencies(step.migration) for step in plan.steps):
                from .prerequisites import check_applied

                check_applied(plan.steps, session)
            return plan

        try:
            plan = planned()
        except PlanError:
            # A migration that another run is in the middle of is no obstacle, but a reason to wait.
            if only_plan or not how.get("lock", True) or session.lock_holder() is None:
                raise
            plan = None
        if plan and (only_plan or not plan.steps):
            return _as_planned(session, plan, with_sql=sql)
        from .runner import Runner
        from .task import load_tasks

        load_tasks(plan.steps if plan else (), options.mode, fake=fake)  # what is spoilt is refused before any wait
        with session.lock(lock_wait, listener) if how.get("lock", True) else nullcontext():
            plan = planned()  # another run may have worked meanwhile
            tasks = load_tasks(plan.steps, options.mode, fake=fake)
            if tasks:
                session.refuse_unusable()
                history.open()
            return Runner(session, history, options, listener).run(direction, tasks)


@contextmanager
def _session(how: Execution, direction: Direction) -> Iterator[Session]:
    """The session of a run; a stop that the runner does not know of is told here."""
    database = how.get("database", "default")
    try:
        with open_session(database, how.get("interruption")) as session:
            yield session
    except StopRequested as stop:
        message = f"Stopped by {stop} before the first migration: nothing was run."
        result = RunResult(database, direction, error=Failure(None, message))
        raise Interrupted(message, str(stop), result) from stop


def _options(how: Execution, settings: conf.Settings) -> Options:
    return Options(
        mode=_chosen("transaction", how.get("transaction"), settings),
        lock_timeout=_chosen("lock_timeout", how.get("lock_timeout"), settings),
        statement_timeout=_chosen("statement_timeout", how.get("statement_timeout"), settings),
        retries=_chosen("retries", how.get("retries"), settings),
    )


def _chosen(name: str, given: object, settings: conf.Settings) -> Any:
    """The value given for an option, checked, or the setting of the same name."""
    return getattr(settings, name) if given is None else conf.checked(name, given)


def _as_planned(session: Session, plan: Plan, *, with_sql: bool) -> RunResult:
    from .task import read_script

    return RunResult(
        session.alias,
        plan.direction,
        tuple(
            MigrationResult(
                step.id,
                "planned",
                out_of_order=step.out_of_order,
                sql=read_script(step).sql if with_sql else None,
            )
            for step in plan.steps
        ),
    )


def _migrations(how: Execution, *, only_plan: bool) -> tuple[Migration, ...]:
    """What there is to run, in its order: from the sources for a mere plan, else from dist, built first or not."""
    settings = conf.get_settings()
    given = how.get("build")
    if settings.auto_build if given is None else given:
        if only_plan:
            return _from_sources(())[0]
        how.get("listener", ignore)(Built(build()))
    built = dist.load(settings.dist_dir)
    if built is None and sources.source_files():
        raise DistError(
            f"Nothing is built: there is no {conf.shown_path(settings.dist_dir / dist.MANIFEST)}. "
            "Run migrations_build, or migrations_run --build."
        )
    return built or ()


def _allowed(migrations: Sequence[Migration], database: str) -> tuple[Migration, ...]:
    """Those of apps that DATABASE_ROUTERS let migrate in `database`."""
    labels = {migration.id.app for migration in migrations}
    allowed = {label for label in labels if router.allow_migrate(database, label)}
    return tuple(migration for migration in migrations if migration.id.app in allowed)


def _allowed_rows(rows: Sequence[Row], database: str) -> list[Row]:
    labels = {row.id.app for row in rows}
    allowed = {label for label in labels if router.allow_migrate(database, label)}
    return [row for row in rows if row.id.app in allowed]


def _from_sources(known: Sequence[Migration]) -> tuple[tuple[Migration, ...], tuple[str, ...]]:
    """The sources in their order, and what to warn of; `known` need no second look if they are unchanged."""
    found = sources.collect({(migration.id, migration.hash): migration for migration in known})
    ahead = ahead_warning([migration.id for migration in found.migrations], datetime.now(UTC))
    return ordered(found.migrations, _labels()), (*found.warnings, *([ahead] if ahead else []))


def _last_build(dist_dir: Path) -> tuple[Migration, ...]:
    """What was built last; nothing if that is not to be read, because a build mends it."""
    try:
        return dist.load(dist_dir) or ()
    except DistError:
        return ()


def _unbuilt(migrations: Sequence[Migration]) -> tuple[str, ...]:
    known = {migration.id for migration in migrations}
    new = [str(file.id) for file in sources.source_files() if file.id not in known]
    if not new:
        return ()
    return (f"Not built, so not run: {', '.join(new)}. Run migrations_build, or migrations_run --build.",)


def _shown(id_: MigrationId, known: Known, holder: LockHolder | None, late: bool) -> ShownMigration:
    row, migration = known.rows.get(id_), known.by_id.get(id_)
    return ShownMigration(
        id=id_,
        state=state_of(id_, known, locked=holder is not None, running=holder.running if holder else None),
        applied_at=row.applied_at if row else None,
        duration_ms=row.duration_ms if row else None,
        applied_by=row.applied_by if row else None,
        checksum=migration.checksum if migration else known.rows[id_].checksum,
        out_of_order=late,
        statements_done=row.statements_done if row else 0,
        error=row.error if row else "",
    )


def _labels() -> list[str]:
    return [app.label for app in apps.get_app_configs()]


def _user() -> str:
    """The operating system's user; a container's may have a number and no name."""
    try:
        return getpass.getuser().encode(errors="replace").decode()
    except (KeyError, OSError):
        return str(os.getuid())
