"""A plan as a result: what would be done, and the SQL that would be sent."""

from __future__ import annotations

from medusa_migrations.database.session import Session
from medusa_migrations.plan.steps import Plan, Step, fingerprint
from medusa_migrations.results import MigrationResult, RunResult

from .options import Options
from .task import load_function, read_script


def as_result(session: Session, plan: Plan, options: Options) -> RunResult:
    """What `plan` would do, with its SQL if `options` ask for that.

    Raises DistError and FileError for a file that is read.
    """
    return RunResult(
        session.alias,
        plan.direction,
        tuple(_step_as_result(session, step, options) for step in plan.steps),
        fingerprint=fingerprint(plan, options.mode, session.alias),
    )


def _step_as_result(session: Session, step: Step, options: Options) -> MigrationResult:
    migration, row = step.migration, step.row
    result = MigrationResult(
        step.id,
        "planned",
        out_of_order=step.out_of_order,
        transactional=step.is_transactional(options.mode),
        reversible=migration is not None and migration.down is not None,
        statements_done=row.statements_done if row and row.state != "applied" else 0,
        file_hash=migration.hash if migration else "",
    )
    if not options.with_sql and not (migration and migration.is_python):
        return result
    script = read_script(step)
    function = load_function(step, script)
    if function is None:
        return result._replace(sql=script.sql)
    from .python.preview import calls, preview  # it brings the migration API along

    if options.with_sql:
        return result._replace(sql=preview(function, session.connection))
    return result._replace(calls=calls(function))
