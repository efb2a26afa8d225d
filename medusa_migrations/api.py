"""The public functions, one a verb.

Each takes the options of the command of the same name as keyword arguments, returns a NamedTuple of
`medusa_migrations.results` and raises a subclass of `medusa_migrations.errors.MigrationError`. Those about one database
take a `target` of a fleet in its place. What only some of them need is imported by those: a run that has nothing to do
is a part of every release's start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Unpack

from .conf import moment
from .database.destination import FleetTarget, destination
from .database.interruption import Interruption
from .errors import PlanError
from .events import Listener, ignore
from .files.build import app_labels, build, source_ids
from .messages import N_
from .migration import Direction, Phase
from .run.carry_out import carry_out
from .run.options import Execution, Options, forwards

if TYPE_CHECKING:
    from .fleet.ledger import Run as FleetRun
    from .fleet.ledger import Target as FleetRunTarget
    from .fleet.request import FleetExecution
    from .fleet.results import FleetPlan, FleetResult, FleetStatus
    from .results import (
        BaselineResult,
        Description,
        GenerateResult,
        ImportResult,
        LintResult,
        LogResult,
        MadeFile,
        RebaseResult,
        RepairResult,
        ReviewResult,
        RunProgress,
        ShowResult,
        VerifyResult,
        WaitResult,
    )
    from .run_result import RunResult

__all__ = [
    "Execution",
    "FleetTarget",
    "Interruption",
    "baseline",
    "build",
    "describe",
    "fleet_create",
    "fleet_plan",
    "fleet_revert",
    "fleet_revert_plan",
    "fleet_run",
    "fleet_runs",
    "fleet_show",
    "fleet_status",
    "generate",
    "give_up",
    "hand_over",
    "import_from",
    "lint",
    "log",
    "make",
    "progress",
    "rebase",
    "repair",
    "revert",
    "run",
    "show",
    "sql",
    "target",
    "targets",
    "verify",
    "wait",
]


def make(app: str, name: str, *, python: bool = False, timestamp: str | None = None, dry_run: bool = False) -> MadeFile:
    """Write an empty migration `name` for the app with the label `app`, or with `dry_run` only say what it would be.

    With `python` it is one in Python. `timestamp` is `YYYYMMDDHHMMSS`; by default it is now, after every migration
    that is there.
    """
    from .files.make import make as write

    return write(app, name, timestamp=timestamp, dry_run=dry_run, python=python)


def generate(
    app: str | Sequence[str],
    name: str | None = None,
    *,
    check: bool = False,
    dry_run: bool = False,
    timestamp: str | None = None,
    renames: Sequence[str] = (),
    drop_tables: bool = False,
    online: bool = False,
    rename_constraints: bool = False,
    accept: Callable[[str], bool] = lambda rename: False,
    value: Callable[[str, str], str | None] = lambda place, nothing: None,
    database: str = "default",
    listener: Listener = ignore,
) -> GenerateResult:
    """Compare the models of the app with the label `app` with its tables in `database`, and write a migration.

    `app` may be several labels: then each gets a file of its own, in an order in which they run, and a foreign key to
    what a later one makes comes in a file behind them all; `made` is the first and `more` are the others. Without a
    `name` one is made from the changes. `check` only compares, and `dry_run` writes nothing. `renames` are
    `table=new` or `table.column=new`; `accept` is asked about each other that may be one. `value` is asked for the SQL
    that rows get in a column `table.column` without a default, and None takes what stands for nothing, its second
    argument. `drop_tables` drops tables of models that are gone. `online` writes up to three files that lock no table
    for long: what comes before the new code, what fills rows, and what comes after that code is live.
    `rename_constraints` compares nothing but the names of constraints, indexes and sequences, and gives those that
    Django would give. What is written is proven: up gives what the models say, down what was there.
    """
    from .generate.app import generate as compare
    from .generate.request import Request

    return compare(
        Request(
            apps=(app,) if isinstance(app, str) else tuple(dict.fromkeys(app)),
            name=name,
            check=check,
            dry_run=dry_run,
            timestamp=timestamp,
            renames=renames,
            drop_tables=drop_tables,
            online=online,
            rename_constraints=rename_constraints,
            accept=accept,
            value=value,
            database=database,
            listener=listener,
        )
    )


def baseline(
    apps: Sequence[str],
    *,
    name: str = "baseline",
    database: str = "default",
    dry_run: bool = False,
    timestamp: str | None = None,
    scratch: str | None = None,
    listener: Listener = ignore,
    interruption: Interruption | None = None,
) -> BaselineResult:
    """Write the tables that the apps with the labels `apps` have in `database` as migrations, under their live names.

    There is a file `name` for each app, with what its tables need, and another one where apps refer to each other in a
    circle. What is written is proven in a scratch database, or in the empty one that `scratch` names: up makes what is
    live, down leaves nothing. Then the files are recorded as applied in `database`. No rows are written, and with
    `dry_run` nothing at all.

    Raises PlanError where the tables are not at their end, or refer to what no migration makes; NotProven where the
    files do not make what is live; DatabaseError and Interrupted.
    """
    from .adopt.baseline.app import baseline as write
    from .adopt.baseline.request import Request

    stop = interruption or Interruption()
    return write(Request(tuple(apps), name, database, dry_run, timestamp, scratch, listener, stop))


def import_from(
    tool: str,
    source: str,
    app: str,
    *,
    dry_run: bool = False,
    history: str | None = None,
    database: str = "default",
    scratch: str | None = None,
    listener: Listener = ignore,
    interruption: Interruption | None = None,
) -> ImportResult:
    """Make migrations of the app with the label `app` of those of another tool, which are in the folder `source`.

    `tool` is "dbmate", "flyway", "golang-migrate", "goose" or "typeorm"; no SQL is run then. Or it is "django", and
    `source` the label of an app with Django migrations, which are applied in a scratch database on the server of
    `database`, or in the empty one that `scratch` names. No file that is there is written. `history` is the name of the
    tool's table in `database`, "" for its usual one: what it has applied is recorded in the history as applied.
    `dry_run` writes nothing.
    Raises MigrationError, before anything is written, for a folder or a file that cannot be used, PlanError for a
    history of that tool that is not settled, and Interrupted.
    """
    from .adopt.app import import_from as adopt
    from .adopt.request import Request

    return adopt(Request(tool, source, app, dry_run, history, database, scratch, listener, interruption))


def run(
    app: str | None = None,
    *,
    to: str | None = None,
    plan: bool = False,
    sql: bool = False,
    check: bool = False,
    strict: bool | None = None,
    phase: Phase | None = None,
    **how: Unpack[Execution],
) -> RunResult:
    """Apply all pending migrations, of `app` and what it depends on, up to the id `to`.

    `plan`, `sql` and `check` change nothing: the result has what would run, with `sql` its SQL too. With `strict`, by
    default as OUT_OF_ORDER says, one that would run out of order is a PlanError. The `phase` "before" holds back what
    is for when the new code is live, and what depends on it; "after" runs all, as without a phase.
    Raises MigrationFailed, with the result so far, if a migration fails; after any other error nothing is changed.
    """
    options = Options.chosen(how, only_plan=plan or sql or check, with_sql=sql)
    result = carry_out(forwards(app, to, strict, phase, fake=options.fake), options)
    return _with_findings(result) if options.only_plan and result.migrations else result


def revert(
    app: str | None = None,
    *,
    steps: int | None = None,
    to: str | None = None,
    last_run: bool = False,
    all: bool = False,
    to_release: str | None = None,
    since: str | None = None,
    missing: bool = False,
    plan: bool = False,
    sql: bool = False,
    **how: Unpack[Execution],
) -> RunResult:
    """Undo the last applied migration, or the last `steps`, those after the id `to`, those of the last run, or all.

    Or, by the journal, what releases behind `to_release` have applied, or what was applied after the moment `since`,
    such as "2026-11-28 14:00" in the project's time zone. `missing` are those that have no file any more, undone by
    their stored down parts. `plan` and `sql`, and what is raised, are as for `run`; the steps of a plan say what they
    lose.
    """
    from .plan.backwards import Backwards

    ways = {
        "steps": steps,
        "to": to,
        "last_run": last_run,
        "all": all,
        "missing": missing,
        "to_release": to_release,
        "since": since,
    }
    given = [name for name, value in ways.items() if value not in (None, False)]
    if len(given) > 1:
        raise PlanError(N_("{options} cannot go together: choose one.", options=" and ".join(given)))
    if steps is not None and steps < 1:
        raise PlanError(N_("steps is {steps}: at least 1 is needed.", steps=steps))
    options = Options.chosen(how, only_plan=plan or sql, with_sql=sql)
    wanted = Backwards(
        app,
        steps,
        to,
        last_run,
        everything=all,
        missing=missing,
        to_release=to_release,
        since=None if since is None else moment(since),
        fake=options.fake,
        labels=app_labels(),
        sources=source_ids() if missing else (),
    )
    result = carry_out(wanted, options)
    return _with_findings(result) if options.only_plan and result.migrations else result


def _with_findings(plan: RunResult) -> RunResult:
    """`plan` with what lint has found in its parts, where that is known."""
    from .verify.cache import findings_in

    known = findings_in(plan.database)
    found = [
        tuple(one for one in known.get((step.id, step.file_hash), ()) if one.part == plan.direction)
        for step in plan.migrations
    ]
    steps = (step._replace(findings=findings) for step, findings in zip(plan.migrations, found, strict=True))
    return plan._replace(migrations=tuple(steps))


def targets(fleet: str) -> tuple[FleetTarget, ...]:
    """The targets of a fleet of the setting FLEETS, in the order that it gives them.

    Each is for the `target` of other functions. Raises SettingsError for what cannot be, DatabaseError where a database
    that is asked for them fails.
    """
    from .fleet.targets import targets as found

    return found(fleet)


def target(fleet: str, name: str) -> FleetTarget:
    """The one of the targets of a fleet with that name. Raises SettingsError if there is none, and as `targets`."""
    from .fleet.targets import target as found

    return found(fleet, name)


def fleet_status(fleet: str | None = None, **how: Unpack[FleetExecution]) -> FleetStatus:
    """How the targets of a fleet stand, those with the same history together; without `fleet`, of the only one.

    Of `how`, `only`, `without`, `jobs` and `interruption` count. Writes nothing, and needs no more than SELECT on the
    histories. Raises SettingsError, DatabaseError where the targets cannot be known, Interrupted.
    """
    from .fleet.request import upwards
    from .fleet.run import status

    return status(upwards(fleet, None, None, None, how, only_plan=True))


def fleet_run(
    fleet: str | None = None,
    *,
    to: str | None = None,
    phase: Phase | None = None,
    strict: bool | None = None,
    **how: Unpack[FleetExecution],
) -> FleetResult:
    """Apply all pending migrations on all targets of a fleet, as `run` does: the canary one by one, then the rest.

    Goes on with the unfinished run of the fleet, if a process has left one. Without anything to do nothing is written.
    What goes wrong on targets is in the result, as is a stop when some have been begun. Raises MigrationError where
    nothing was begun: for settings, targets, a build or options that cannot be, for what AFTER names and has something
    to do, for a ledger that cannot be written; and Interrupted.
    """
    from .fleet.request import upwards
    from .fleet.run import run as carry

    return carry(upwards(fleet, to, phase, strict, how))


def fleet_plan(
    fleet: str | None = None,
    *,
    to: str | None = None,
    phase: Phase | None = None,
    strict: bool | None = None,
    sql: bool = False,
    **how: Unpack[FleetExecution],
) -> FleetPlan:
    """What `fleet_run` would do, once for targets with the same history; with `sql` its SQL too. Changes nothing."""
    from .fleet.request import upwards
    from .fleet.run import planned

    return planned(upwards(fleet, to, phase, strict, how, only_plan=True, with_sql=sql))


def fleet_revert(run: int, fleet: str | None = None, **how: Unpack[FleetExecution]) -> FleetResult:
    """Undo what the run of a fleet with that number in the ledger has applied, where it has, also if it was killed.

    Where something that came later depends on it, a target fails, and all of it stays there. The rest is as for
    `fleet_run`. Raises PlanError if there is no such run.
    """
    from .fleet.request import downwards
    from .fleet.run import run as carry

    return carry(downwards(fleet, run, how))


def fleet_revert_plan(
    run: int, fleet: str | None = None, *, sql: bool = False, **how: Unpack[FleetExecution]
) -> FleetPlan:
    """What `fleet_revert` would do, as `fleet_plan`."""
    from .fleet.request import downwards
    from .fleet.run import planned

    return planned(downwards(fleet, run, how, only_plan=True, with_sql=sql))


def fleet_create(
    name: str, fleet: str | None = None, *, plan: bool = False, sql: bool = False, **how: Unpack[Execution]
) -> RunResult:
    """Make the schema of the target `name` of a fleet, if it is missing, and apply all migrations in one transaction.

    The target is one that TARGETS lists; without `fleet`, of the only one. Where all is there nothing is done, and of
    several processes at once one does it. `how` is as for `run`, but that `transaction` is by default "all". With
    `plan`, or `sql`, nothing is changed, as by `run`.
    Raises SettingsError where there is no such target, PlanError where it is a database, where the schema is half
    there, or where one transaction cannot hold all; DatabaseError where the schema cannot be made; and as `run`.
    """
    from .fleet.create import create
    from .fleet.targets import chosen

    return create(chosen(fleet), name, how, only_plan=plan, with_sql=sql)


def fleet_runs(fleet: str | None = None, *, limit: int = 20) -> tuple[FleetRun, ...]:
    """The last runs of a fleet in the ledger, the earliest first; without `fleet`, of the only one. Writes nothing."""
    from .fleet.ledger import runs
    from .fleet.targets import chosen, setting

    name = chosen(fleet)
    return runs(setting(name).control, name, limit)


def fleet_show(run: int, fleet: str | None = None) -> tuple[FleetRun, tuple[FleetRunTarget, ...]]:
    """One run in the ledger of a fleet, and its targets that had something to do. Raises PlanError if there is none."""
    from .fleet.ledger import shown
    from .fleet.targets import chosen, setting

    return shown(setting(chosen(fleet)).control, run)


def show(app: str | None = None, *, database: str = "default", target: FleetTarget | None = None) -> ShowResult:
    """Every migration with its state, in their order. Writes nothing, and needs no more than SELECT on the history."""
    from .database.show import show as shown

    return shown(app, destination(database, target))


def log(
    app: str | None = None,
    *,
    id: str | None = None,
    action: str | None = None,
    since: str | None = None,
    before: int | None = None,
    limit: int | None = 20,
    database: str = "default",
    target: FleetTarget | None = None,
) -> LogResult:
    """What happened to migrations: the last `limit` entries of the journal, None for all, the earliest first.

    `app` keeps to those of one app, `id` to those of one migration, `action` to those of one kind, as "failed". `since`
    keeps to those after a moment, as for `revert`, `before` to those before the entry of that serial number. Writes
    nothing, and needs no more than SELECT on the journal and the history.
    Raises SettingsError for what is no moment, PlanError for an app that nobody knows.
    """
    from .database.journal import Wanted
    from .database.show import log as logged

    wanted = Wanted(app, id, None, action, None if since is None else moment(since), before, limit)
    return logged(wanted, destination(database, target))


def hand_over(
    direction: Direction,
    *,
    expected: str,
    transaction: str | None = None,
    to: str | None = None,
    phase: Phase | None = None,
    steps: int | None = None,
    last_run: bool = False,
    database: str = "default",
    applied_by: str | None = None,
) -> str:
    """Have a worker of the engine that ADMIN_ENGINE names run or revert; returns the mark of that run, for `progress`.

    What is chosen is as for `run` and `revert`. `expected` is the fingerprint of the plan that somebody was shown: a
    worker carries out that plan or none, whenever it comes. The journal has that it was handed over, and by whom.
    Raises StalePlanError for another plan, PlanError where another run waits for a worker, LockError where one is at
    work, DeliveryError where the engine does not take it, SettingsError without one.
    """
    from .run.hand_over import Asked
    from .run.hand_over import hand_over as hand

    asked = Asked(str(direction), database, transaction, to, phase, steps, last_run, applied_by)
    return hand(asked, expected)


def progress(run: str, *, database: str = "default") -> RunProgress:
    """How the run or revert with the mark `run` stands. Writes nothing. Raises PlanError if there is none."""
    from .database.runs import progress as look

    return look(run, database)


def give_up(run: str, *, database: str = "default", applied_by: str | None = None) -> None:
    """Have no worker do what was handed over as `run`. Raises PlanError where one has, LockError while it does."""
    from .run.hand_over import give_up as forget

    forget(run, database, applied_by)


def describe(id_: str, *, database: str = "default", target: FleetTarget | None = None) -> Description:
    """All there is to know of the migration with the id `id_`, its SQL too. Writes nothing, as `show`.

    Raises PlanError if there is no such migration. A file that cannot be read is no error: the result says so.
    """
    from .database.show import describe as described

    return described(id_, destination(database, target))


def wait(
    *,
    timeout: float = 300,
    interval: float = 2,
    database_only: bool = False,
    database: str = "default",
    target: FleetTarget | None = None,
    listener: Listener = ignore,
    interruption: Interruption | None = None,
) -> WaitResult:
    """Wait until `database` can be reached, and unless `database_only`, until no migration of either kind is pending.

    It is looked at every `interval` seconds for `timeout` seconds, each time over a new connection, which only reads.
    Of a target, SQL migrations alone are waited for. `listener` is told whenever what is waited for changes.
    Raises NotReady at the end of that time, and at once for a migration that is changed or has failed; DatabaseError at
    once where the server refuses the user; and Interrupted.
    """
    from .run.waiting import Patience, wait_until_ready

    patience = Patience.chosen(timeout, interval, listener, interruption or Interruption())
    return wait_until_ready(destination(database, target), patience, database_only=database_only)


def repair(
    *,
    accept_changes: Sequence[str] | None = None,
    send_again: Sequence[str] = (),
    mark_applied: Sequence[str] = (),
    mark_reverted: Sequence[str] = (),
    renamed: Sequence[str] = (),
    database: str = "default",
    target: FleetTarget | None = None,
    lock: bool = True,
    lock_wait: float | None = None,
    applied_by: str | None = None,
    listener: Listener = ignore,
    expected: str | None = None,
) -> RepairResult:
    """Settle the history by hand; without anything to do, only look what needs repair.

    `accept_changes` are ids whose checksums of today are recorded (all changed ones if it is empty). `send_again` are
    ids whose next run sends the statement at which they stopped, though it may be committed in part. `mark_applied` and
    `mark_reverted` are ids, `renamed` pairs `OLD=NEW` of ids or of app labels. All of it is done, or nothing.
    `expected` is the fingerprint of the one migration, as `describe` gives it: any other raises StalePlanError.
    """
    from .database.repair import Wanted
    from .database.repair import repair as settle

    wanted = Wanted(accept_changes, tuple(send_again), tuple(mark_applied), tuple(mark_reverted), tuple(renamed))
    where = destination(database, target)
    return settle(
        wanted, where, lock=lock, lock_wait=lock_wait, applied_by=applied_by, listener=listener, expected=expected
    )


def rebase(
    app: str, *, onto: str | None = None, database: str = "default", listener: Listener = ignore
) -> RebaseResult:
    """Give the migrations of this side of a merge, of the app with the label `app`, new timestamps where one is late.

    The other side, which stays, is that of the merge, rebase or cherry-pick that git is in the middle of, or of the
    merge that it did last; `onto` is the id of its newest migration where that cannot be told. What depends on a
    renamed one is mended, and max_migration.txt, and the history of `database` follows, if it can be reached.

    Raises PlanError, GitError and FileError, before anything is changed, for what cannot be told or mended, and for
    files with changes that are not committed.
    """
    from .database.follow import Wanted, follow, refuse_unknown
    from .files.rebase import rebase as rename
    from .results import RebaseResult, Renamed

    refuse_unknown(database)
    done = rename(app, onto)
    followed = follow(Wanted(done.renamed, done.checksums), database, listener)
    return RebaseResult(
        done.app,
        tuple(Renamed(old, new) for old, new in done.renamed.items()),
        done.edited,
        database,
        followed.ids,
        tuple(done.checksums),
        (*done.notes, *followed.notes),
        done.then,
    )


def verify(
    app: str | None = None,
    *,
    all: bool = False,
    live: str | None = None,
    database: str = "default",
    scratch: str | None = None,
    keep: bool = False,
    require_down: bool = False,
    server_wide: bool = False,
    rows: bool = False,
    lint: bool = True,
    listener: Listener = ignore,
    interruption: Interruption | None = None,
) -> VerifyResult:
    """Prove the migrations, of the app with the label `app` or all, in a scratch database on the server of `database`.

    Each that is not proven yet, or with `all` each, is run up, down and up again, and the catalog compared; then the
    models are compared with what the migrations made, and with `live` that database, which is only read. `scratch`
    names an empty database to use in place of a new one, and with `keep` it stays. A migration without a down part is a
    fault with `require_down`. With `server_wide` migrations may change what all databases of the server share. `rows`
    has the parts tried on made-up rows too. Unless `lint` is off, what is unsafe for tables in use is found meanwhile.
    The features are all on.

    Faults are in the result. Raises PlanError and DatabaseError where nothing can be proven, and Interrupted.
    """
    from .verify.app import verify as prove
    from .verify.request import Request

    return prove(
        Request(
            app=app,
            all=all,
            live=live,
            database=database,
            scratch=scratch,
            keep=keep,
            require_down=require_down,
            server_wide=server_wide,
            rows=rows,
            lint=lint,
            listener=listener,
            interruption=interruption or Interruption(),
        )
    )


def lint(
    app: str | None = None,
    *,
    all: bool = False,
    down: bool = False,
    live: str | None = None,
    static: bool = False,
    database: str = "default",
    listener: Listener = ignore,
    interruption: Interruption | None = None,
) -> LintResult:
    """Find what the up parts, of the app with the label `app` or all, do to tables that are in use.

    They are run in a scratch database on the server of `database`: those that are not proven yet, or with `all` each,
    and with `down` their down parts too. With `live` the sizes of the tables are those of that database, which is only
    read, and a finding about a table with fewer rows than LINT_ROWS is a note. `static` reads the files alone, by
    squawk, without a database.
    Raises PlanError and DatabaseError where nothing can be found out, LintError without squawk, and Interrupted.
    """
    if static:
        from .verify.lint_static import lint_static

        return lint_static(app, all=all, down=down, database=database)
    from .verify.lint import LintRequest
    from .verify.lint import lint as find

    return find(LintRequest(app, all, down, live, database, listener, interruption or Interruption()))


def sql(
    ids: Sequence[str] = (),
    *,
    changed_since: str | None = None,
    down: bool = False,
    with_history: bool = False,
    database: str = "default",
) -> ReviewResult:
    """Tell what migrations would run: those that `ids` name, those that are new or changed since a git ref, or all.

    It is their up parts, or with `down` their down parts, with what they drop and what else is to be known, lint's
    findings for `database` included, where there are any. No database is asked, unless `with_history`: then `script` is
    what psql is to run to apply what is pending in `database` of them, and to record it.

    Raises PlanError for an id that no migration has and for what no script can hold, GitError for what git cannot tell.
    """
    direction = Direction.DOWN if down else Direction.UP
    if not with_history:
        from .run.review import review
        from .verify.cache import findings_in

        return review(ids, changed_since, direction, findings_in(database))
    if down or changed_since is not None:
        raise PlanError(N_("A script with history applies what is pending: leave out down and changed_since."))
    from .results import ReviewResult
    from .run.psql_script import psql_script

    return ReviewResult(direction, script=psql_script(ids, database))
