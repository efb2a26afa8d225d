"""The public functions, one a verb.

Each takes the options of the command of the same name as keyword arguments, returns a NamedTuple of
`medusa_migrations.results` and raises a subclass of `medusa_migrations.errors.MigrationError`. What only some of them
need is imported by those: a run that has nothing to do is a part of every release's start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Unpack

from .database.interruption import Interruption
from .errors import PlanError
from .events import Listener, ignore
from .files.build import app_labels, build
from .results import Description, GenerateResult, MadeFile, RepairResult, RunResult, ShowResult
from .run.carry_out import carry_out
from .run.options import Execution, Options

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
    from .generate.request import Request

    return compare(
        Request(
            app=app,
            name=name,
            check=check,
            dry_run=dry_run,
            timestamp=timestamp,
            renames=renames,
            drop_tables=drop_tables,
            accept=accept,
            value=value,
            database=database,
        )
    )


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
    from .plan.forwards import Forwards

    options = Options.chosen(how, only_plan=plan or sql or check, with_sql=sql)
    return carry_out(Forwards(app, to, app_labels()), options)


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
    from .plan.backwards import Backwards

    given = [
        name for name, on in (("steps", steps is not None), ("to", to), ("last_run", last_run), ("all", all)) if on
    ]
    if len(given) > 1:
        raise PlanError(f"{' and '.join(given)} cannot go together: choose one.")
    if steps is not None and steps < 1:
        raise PlanError(f"steps is {steps}: at least 1 is needed.")
    options = Options.chosen(how, only_plan=plan or sql, with_sql=sql)
    return carry_out(Backwards(app, steps, to, last_run, all, options.fake, app_labels()), options)


def show(app: str | None = None, *, database: str = "default") -> ShowResult:
    """Every migration with its state, in their order. Writes nothing, and needs no more than SELECT on the history."""
    from .database.show import show as shown

    return shown(app, database)


def describe(id_: str, *, database: str = "default") -> Description:
    """All there is to know of the migration with the id `id_`, its SQL too. Writes nothing, as `show`.

    Raises PlanError if there is no such migration. A file that cannot be read is no error: the result says so.
    """
    from .database.show import describe as described

    return described(id_, database)


def repair(
    *,
    accept_changes: Sequence[str] | None = None,
    send_again: Sequence[str] = (),
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

    `accept_changes` are ids whose checksums of today are recorded (all changed ones if it is empty). `send_again` are
    ids whose next run sends the statement at which they stopped, though it may be committed in part. `mark_applied` and
    `mark_reverted` are ids, `renamed` pairs `OLD=NEW` of ids or of app labels. All of it is done, or nothing.
    """
    from .database.repair import Wanted
    from .database.repair import repair as settle

    wanted = Wanted(accept_changes, tuple(send_again), tuple(mark_applied), tuple(mark_reverted), tuple(renamed))
    return settle(wanted, database, lock=lock, lock_wait=lock_wait, applied_by=applied_by, listener=listener)
