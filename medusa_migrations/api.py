"""The public functions. The commands, the admin and users' own admin actions call nothing else.

Each takes the options of the command of the same name as keyword arguments, returns a NamedTuple of
`medusa_migrations.results` and raises a subclass of `medusa_migrations.errors.MigrationError`. What only some of them
need is imported by those: a run that has nothing to do is a part of every release's start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from . import conf
from .database.history import History
from .database.interruption import Interruption, StopRequested
from .database.routing import read_known
from .database.session import LockHolder, Session, open_session
from .errors import DistError, FileError, Interrupted, PlanError, StalePlanError
from .events import Listener, ignore
from .files.build import app_labels, build, to_run, unbuilt
from .files.order import django_dependencies
from .migration import Direction, Migration, MigrationId
from .plan.known import (
    Known,
    Plan,
    check_app,
    find_id,
    fingerprint,
    in_order,
    out_of_order,
    plan_revert,
    plan_run,
    refuse_mode_all,
    state_of,
)
from .results import (
    Description,
    Failure,
    GenerateResult,
    MadeFile,
    RepairResult,
    RunResult,
    ShownMigration,
    ShownPart,
    ShowResult,
)
from .run.options import Options

if TYPE_CHECKING:
    from .run.task import Task

__all__ = ["Execution", "Interruption", "build", "describe", "generate", "make", "repair", "revert", "run", "show"]


def make(app: str, name: str, *, python: bool = False, timestamp: str | None = None, dry_run: bool = False) -> MadeFile:
    """Write an empty migration `name` for the app with the label `app`, or with `dry_run` only say what it would be.

    With `python` it is one in Python. `timestamp` is `YYYYMMDDHHMMSS`; by default it is now, after every migration
    that is there.
    """
    from .files.make import make as write

    return write(app, name, timestamp=timestamp, dry_run=dry_run, python=python)


def generate(
    app: str,
    name: str | None = None,
    *,
    check: bool = False,
    dry_run: bool = False,
    timestamp: str | None = None,
    renames: Sequence[str] = (),
    drop_tables: bool = False,
    accept: Callable[[str], bool] = lambda rename: False,
    value: Callable[[str, str], str | None] = lambda place, nothing: None,
    database: str = "default",
) -> GenerateResult:
    """Compare the models of the app with the label `app` with its tables in `database`, and write a migration.

    Without a `name` one is made from the changes. `check` only compares, and `dry_run` writes nothing. `renames` are
    `table=new` or `table.column=new`; `accept` is asked about each other that may be one. `value` is asked for the SQL
    that rows get in a column `table.column` without a default, and None takes what stands for nothing, its second
    argument. `drop_tables` drops tables of models that are gone. What is written is proven: up gives what the models
    say, down what was there.
    """
    from .generate.app import generate as compare

    return compare(
        app,
        name,
        check=check,
        dry_run=dry_run,
        timestamp=timestamp,
        renames=renames,
        drop_tables=drop_tables,
        accept=accept,
        value=value,
        database=database,
    )


class Execution(TypedDict, total=False):
    """How `run` and `revert` work. What is left out, or None, is as the settings say.

    `fake` writes the history only. `transaction` is "all", "each" or "none". `build` tells whether to build first.
    `lock` False takes no lock; `lock_wait` is in seconds. `lock_timeout` and `statement_timeout` are PostgreSQL
    durations, and `retries` a number of further tries. `database` is an alias; `applied_by` is by default the operating
    system's user. `listener` is told of every event, of who blocks in another thread. `interruption` stops the run.
    `expected` is the fingerprint of the plan that somebody was shown: under the lock, any other raises StalePlanError.
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
    expected: str | None


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
        return plan_run(known, app=app, to=to, labels=app_labels())

    result = _carry_out(migrations, planner, Direction.UP, how, only_plan=only_plan, sql=sql)
    return result if result.migrations else result._replace(notes=unbuilt(migrations))


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
            labels=app_labels(),
        )

    migrations = _migrations(how, only_plan=plan or sql)
    return _carry_out(migrations, planner, Direction.DOWN, how, only_plan=plan or sql, sql=sql)


def show(app: str | None = None, *, database: str = "default") -> ShowResult:
    """Every migration with its state, in their order. Writes nothing, and needs no more than SELECT on the history."""
    with open_session(database) as session:
        known = read_known(History(session), to_run(only_plan=True), details=True)
        holder = session.lock_holder()
    check_app(app, known, app_labels())
    late = out_of_order(known)
    ids = (id_ for id_ in in_order(known) if app is None or id_.app == app)
    return ShowResult(database, tuple(_shown(id_, known, holder, id_ in late) for id_ in ids))


def describe(id_: str, *, database: str = "default") -> Description:
    """All there is to know of the migration with the id `id_`, its SQL too. Writes nothing, as `show`.

    Raises PlanError if there is no such migration. A file that cannot be read is no error: the result says so.
    """
    with open_session(database) as session:
        known = read_known(History(session), to_run(only_plan=True), details=True)
        holder = session.lock_holder()
    found = find_id(id_, known)
    migration, row = known.by_id.get(found), known.rows.get(found)
    description = Description(
        database,
        _shown(found, known, holder, found in out_of_order(known)),
        recorded_checksum=row.checksum if row else None,
        reversible=bool((migration and migration.down) or (row and row.down is not None)),
    )
    if row and row.down is not None and (migration is None or migration.checksum != row.checksum):
        description = description._replace(parts=(ShownPart("stored down", row.down),))
    if migration is None:
        return description
    description = description._replace(
        source=migration.source,
        description=migration.description,
        depends=migration.depends,
        feature=migration.feature,
    )
    try:
        return description._replace(parts=(*_parts(migration), *description.parts))
    except (DistError, FileError) as error:
        return description._replace(unreadable=str(error))


def _parts(migration: Migration) -> tuple[ShownPart, ...]:
    from .files.dist import read_part

    parts = {"file": migration.up} if migration.is_python else {"up": migration.up, "down": migration.down}
    return tuple(ShownPart(name, read_part(migration, part), part.transaction) for name, part in parts.items() if part)


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
    from .database.repair import Repair, findings

    settings = conf.get_settings()
    migrations = to_run(only_plan=True)
    with open_session(database) as session:
        history = History(session, applied_by)
        before = read_known(history, migrations)
        if accept_changes is None and not (mark_applied or mark_reverted or renamed):
            return RepairResult(database, (), findings(before, locked=session.lock_holder() is not None))
        with session.lock(_chosen("lock_wait", lock_wait, settings), listener) if lock else nullcontext():
            session.refuse_unusable()
            history.open()
            known = read_known(history, migrations)
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

    with _session(how, direction) as session:
        history = History(session, how.get("applied_by"))
        as_one = options.mode == "all" and not fake
        planned = partial(_planned, planner, session, history, migrations, direction, as_one=as_one)
        try:
            plan = planned()
        except PlanError:
            # A migration that another run is in the middle of is no obstacle, but a reason to wait.
            if only_plan or not how.get("lock", True) or session.lock_holder() is None:
                raise
            plan = None
        if plan and (only_plan or not plan.steps):
            _refuse_stale(plan, options.mode, how)
            return _told(session, plan, options.mode, sql=sql) if only_plan else RunResult(session.alias, direction)
        from .run.runner import Runner
        from .run.task import load_tasks

        tasks = load_tasks(plan.steps if plan else (), options.mode, fake=fake)  # what is spoilt is refused at once
        with session.lock(lock_wait, listener) if how.get("lock", True) else nullcontext():
            tasks = _tasks_as_of_now(tasks, plan, planned(), options.mode, how)
            if tasks:
                session.refuse_unusable()
                history.open()
            runner = Runner(session, history, options, listener)
            with runner.ready():
                return runner.run(direction, tasks)


def _tasks_as_of_now(tasks: list[Task], seen: Plan | None, plan: Plan, mode: str, how: Execution) -> list[Task]:
    """What is to be done of `plan`, made under the lock: `tasks` if it is what was `seen`, else read anew."""
    from .run.task import load_tasks

    _refuse_stale(plan, mode, how)
    return tasks if plan == seen else load_tasks(plan.steps, mode, fake=how.get("fake", False))


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


def _planned(
    planner: Callable[[Known], Plan],
    session: Session,
    history: History,
    migrations: tuple[Migration, ...],
    direction: Direction,
    *,
    as_one: bool,
) -> Plan:
    """What is to be done as things are now; with `as_one` in one transaction, or not at all."""
    plan = planner(read_known(history, migrations, details=direction is Direction.DOWN))
    if as_one:
        refuse_mode_all(plan)
    if any(step.migration and django_dependencies(step.migration) for step in plan.steps):
        from .run.prerequisites import check_applied

        check_applied(plan.steps, session)
    return plan


def _told(session: Session, plan: Plan, mode: str, *, sql: bool) -> RunResult:
    from .run.preview import as_planned  # a run that has nothing to do is a part of every release's start

    return as_planned(session, plan, mode, with_sql=sql)


def _refuse_stale(plan: Plan, mode: str, how: Execution) -> None:
    expected = how.get("expected")
    if expected is not None and expected != fingerprint(plan, mode):
        raise StalePlanError("What would be done is not what was shown any more. Nothing was done. Look at it again.")


def _migrations(how: Execution, *, only_plan: bool) -> tuple[Migration, ...]:
    return to_run(only_plan=only_plan, build_first=how.get("build"), listener=how.get("listener", ignore))


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
        run=row.run if row else None,
        is_python=migration is not None and migration.is_python,
    )
