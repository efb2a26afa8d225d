"""A plan as a result: what would be done, and the SQL that would be sent."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from medusa_migrations.database.destination import key_of, name_of
from medusa_migrations.database.session import Session
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.plan.steps import Plan, Step, fingerprint
from medusa_migrations.results import MigrationResult, RunResult

from .options import Options
from .task import Script, load_function, read_script

if TYPE_CHECKING:
    from medusa_migrations.schema.recorder import Function

_RECORDED = "-- Its tables are there: if they are as it makes them, it is recorded, and nothing is sent.\n"
_FORGOTTEN = "-- It was recorded and not run, as its tables were there: they stay, and only the history is changed.\n"


def as_result(session: Session, plan: Plan, options: Options) -> RunResult:
    """What `plan` would do, with its SQL if `options` ask for that.

    Raises DistError and FileError for a file that is read.
    """
    there = _baselines(session, plan, options)
    return RunResult(
        session.alias,
        plan.direction,
        tuple(_step_as_result(session, step, options, was_there=step.id in there) for step in plan.steps),
        fingerprint=fingerprint(plan, options.mode, key_of(session.where)),
        target=name_of(session.where),
    )


def _baselines(session: Session, plan: Plan, options: Options) -> Collection[MigrationId]:
    """Which of `plan` are recorded instead of run, if their tables are as they make them."""
    if options.fake or not any(step.is_baseline for step in plan.steps):
        return ()
    from .baseline import may_be_recorded

    return may_be_recorded(plan.steps, session)


def _step_as_result(session: Session, step: Step, options: Options, *, was_there: bool) -> MigrationResult:
    migration, row = step.migration, step.row
    result = MigrationResult(
        step.id,
        "planned",
        out_of_order=step.out_of_order,
        transactional=step.is_transactional(options.mode),
        reversible=migration is not None and migration.down is not None,
        statements_done=row.statements_done if row and row.state != "applied" else 0,
        file_hash=migration.hash if migration else "",
        phase=step.phase,
        undoes=tuple(one.id for one in step.undoes),
        was_there=was_there,
    )
    if was_there:
        return result._replace(sql=_RECORDED if options.with_sql else None)
    if step.forgets:
        return result._replace(was_there=True, sql=_FORGOTTEN if options.with_sql else None)
    may_lose = step.direction is Direction.DOWN and not options.fake
    is_python = migration is not None and migration.is_python
    if step.part is None or not (options.with_sql or may_lose or is_python):
        return result
    script = read_script(step)
    function = load_function(step, script)
    if options.with_sql:
        code = script.sql if function else ""
        result = result._replace(sql=_undone(step) + _sql(session, script, function), code=code)
    if options.with_sql and not may_lose:
        return result
    from .losses import of_function, of_sql  # it brings the migration API along

    told = of_function(function) if function else of_sql(script.sql)
    return result._replace(
        calls=() if options.with_sql else told.calls,
        loses=told.loses if may_lose else (),
    )


def _undone(step: Step) -> str:
    """The SQL of what is undone before a step, each under a line that says what it is."""
    scripts = [(one.id, read_script(one).sql.strip()) for one in step.undoes]
    return "".join(f"-- {id_} (down), in the same transaction\n{sql}\n\n" for id_, sql in scripts)


def _sql(session: Session, script: Script, function: Function | None) -> str:
    if function is None:
        return script.sql
    from .python.preview import preview

    return preview(function, session.connection)
