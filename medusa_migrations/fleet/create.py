"""A new target: its schema is made, and gets all migrations. Once, however often and by how many it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import NamedTuple

from django.db import Error

from medusa_migrations import conf
from medusa_migrations.database.connect import open_session, usable_for
from medusa_migrations.database.destination import FleetTarget, alias_of, name_of, options_for, settings_of
from medusa_migrations.database.history import lets_in
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.place import JOURNAL, TABLE
from medusa_migrations.database.postgresql import (
    DUPLICATE_SCHEMA,
    INSUFFICIENT_PRIVILEGE,
    UNIQUE_VIOLATION,
    identifier,
    server_error,
)
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError, Interrupted, PlanError, SettingsError, nearest
from medusa_migrations.events import Remarked
from medusa_migrations.files.build import to_run, unbuilt
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Migration
from medusa_migrations.plan.forwards import Forwards
from medusa_migrations.plan.known import Known, know
from medusa_migrations.plan.steps import Plan
from medusa_migrations.results import Failure, RunResult
from medusa_migrations.run.carry_out import carry_out_in
from medusa_migrations.run.options import Execution, Options, forwards
from medusa_migrations.run.preview import as_result
from medusa_migrations.run.waiting import wait_for_server

from .targets import targets

# How many of the things that are in the way a message names.
NAMED = 5

# The schema of that name, and what is in it besides the history and its journal: what hangs on a table counts as that.
_LOOK = f"""
SELECT n.oid IS NOT NULL, %s::name::text = %s::text, ARRAY(
    SELECT c.relname::text FROM pg_catalog.pg_class c
    WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
        AND c.relname NOT IN ('{TABLE}', '{JOURNAL}') AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_class'::regclass::oid AND d.objid = c.oid AND d.deptype IN ('a', 'i'))
    UNION SELECT proname::text FROM pg_catalog.pg_proc WHERE pronamespace = n.oid
    UNION SELECT typname::text FROM pg_catalog.pg_type WHERE typnamespace = n.oid AND typtype IN ('d', 'e')
    ORDER BY 1
)
FROM (SELECT (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s::name) AS oid) n
"""


class Anew(NamedTuple):
    """All that is pending, in the schema of a target with nothing in it, or which has been created already.

    `strangers` are the names of what is there besides the history. They were looked for before that is read, so where
    another process is creating the schema, its history is there when what it has made is. `is_together` tells that all
    of it is to be done in one transaction.
    """

    asked: Forwards
    target: FleetTarget
    is_together: bool
    strangers: Sequence[str] = ()

    @property
    def app(self) -> str | None:
        return self.asked.app

    @property
    def direction(self) -> Direction:
        return self.asked.direction

    def plan(self, known: Known) -> Plan:
        """As Forwards. Raises PlanError where the schema is half there, too."""
        if self.strangers and not known.rows:
            raise PlanError(_of_others(self.target, self.strangers))
        for row in known.rows.values():
            if row.state != "applied":
                raise PlanError(
                    N_(
                        "The schema {schema!r} is half there: {id} is not finished ({state}). Nothing was done. "
                        "migrations_repair{options} tells what to do, and migrations_run{options} goes on with it.",
                        schema=self.target.schema,
                        id=row.id,
                        state=row.state,
                        options=options_for(self.target),
                    )
                )
        plan = self.asked.plan(known)
        if self.is_together and not known.rows:
            _refuse_apart(self.target, plan)
        return plan


def create(fleet: str, name: str, how: Execution, *, only_plan: bool = False, with_sql: bool = False) -> RunResult:
    """As `medusa_migrations.api.fleet_create`."""
    target = _target(fleet, name)
    options = _chosen(target, how, only_plan=only_plan, with_sql=with_sql)
    wanted = Anew(forwards(fake=options.fake), target, is_together=options.mode == "all" and not options.fake)
    migrations = to_run(only_plan=options.only_plan, build_first=options.build, listener=options.listener)
    whole = target._replace(schema=None)
    try:
        if options.wait:
            wait_for_server(options._replace(target=whole))
        with open_session(whole, options.interruption) as session:
            is_there, strangers = _look(session, target)
            if not is_there:
                plan = wanted.plan(_nothing(migrations, target))
                if options.only_plan:
                    session.execute("SET search_path = ''")  # nothing is there yet, and what others have is not meant
                    return as_result(session, plan, options)
                _make(session, target, options)
    except StopRequested as stop:
        message = N_("Stopped by {reason} before the first migration: nothing was run.", reason=str(stop))
        result = RunResult(alias_of(target), Direction.UP, error=Failure(None, message), target=name_of(target))
        raise Interrupted(message, str(stop), result) from stop
    result = carry_out_in(migrations, wanted._replace(strangers=strangers), options._replace(wait=0))
    if result.migrations:
        return result
    return result._replace(notes=(*unbuilt(one.id for one in migrations), *result.notes))


def _chosen(target: FleetTarget, how: Execution, *, only_plan: bool, with_sql: bool) -> Options:
    """How it is done: in one transaction, unless something else is asked for."""
    if how.get("database", "default") != "default" or how.get("target"):
        raise PlanError(N_("A target is created by its name and that of its fleet: leave out database and target."))
    given: Execution = {**how, "target": target, "transaction": how.get("transaction") or "all"}
    command = f"migrations_fleet create {quote(target.name)} {quote(target.fleet)}"
    return Options.chosen(given, only_plan=only_plan or with_sql, with_sql=with_sql, command=command)


def _target(fleet: str, name: str) -> FleetTarget:
    """The target `name`. Raises SettingsError where TARGETS has none, and PlanError where it is a database."""
    found = {one.name: one for one in targets(fleet)}
    if name not in found:
        raise SettingsError(
            N_(
                "The fleet {fleet!r} has no target {target!r}.{hint} Nothing was done. What is created must be a "
                "target: TARGETS says which schema it is, and of which database. Have it listed there first, as by the "
                "row of the tenant.",
                fleet=fleet,
                target=name,
                hint=nearest(name, found),
            )
        )
    target = found[name]
    if target.schema is None:
        database = settings_of(target, usable_for(target).settings_dict)["NAME"]
        raise PlanError(
            N_(
                "The target {target!r} of the fleet {fleet!r} is a database, and only schemas are made here. Nothing "
                "was done. Make it: CREATE DATABASE {database} TEMPLATE template0, or of a template of your own; then "
                "run: migrations_run{options}",
                target=name,
                fleet=fleet,
                database=identifier(str(database)),
                options=options_for(target),
            )
        )
    return target


def _look(session: Session, target: FleetTarget) -> tuple[bool, list[str]]:
    """Whether its schema is there, and the names of what is in it besides the history.

    Raises DatabaseError for a name that no schema of that server can have.
    """
    schema = target.schema
    is_there, is_name, strangers = session.query(_LOOK, [schema, schema, schema])[0]
    if not is_name:
        raise DatabaseError(
            N_(
                "A schema cannot be called {schema!r} in the database {database!r}: the server would cut that. Nothing "
                "was done. Give it a shorter name.",
                schema=schema,
                database=session.database_name,
            )
        )
    return is_there, list(strangers)


def _nothing(migrations: Sequence[Migration], target: FleetTarget) -> Known:
    """What is known of a schema with nothing in it."""
    labels = {migration.id.app for migration in migrations}
    let_in = {label for label in labels if lets_in(target, label)}
    return know([one for one in migrations if one.id.app in let_in], (), conf.get_settings().is_on)


def _refuse_apart(target: FleetTarget, plan: Plan) -> None:
    """Raise PlanError where one transaction cannot hold all of what a new schema gets."""
    alone = [str(step.id) for step in plan.steps if step.part and not step.is_transactional("all")]
    if alone:
        raise PlanError(
            N_(
                "{ids}: marked transaction:false, so one transaction cannot hold all migrations. Nothing was done. Use "
                "--transaction each: if that is cut off it leaves some of them done, and migrations_run{options} goes "
                "on.",
                ids=", ".join(alone),
                options=options_for(target),
            )
        )


def _make(session: Session, target: FleetTarget, options: Options) -> None:
    """Make its schema, unless another process has done so meanwhile. Raises DatabaseError."""
    assert target.schema is not None
    schema = identifier(target.schema)
    try:
        session.execute(f"CREATE SCHEMA {schema}")
    except Error as error:
        reason = server_error(error)
        if reason.sqlstate in (DUPLICATE_SCHEMA, UNIQUE_VIOLATION):
            return
        if reason.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        [(user,)] = session.query("SELECT session_user::text")
        database, user = identifier(session.database_name), identifier(user)
        raise DatabaseError(
            N_(
                "The schema {schema!r} cannot be made in the database {database!r}: {reason}. Nothing was done. As the "
                "owner of the database, either GRANT CREATE ON DATABASE {identifier} TO {user}; or make it: CREATE "
                "SCHEMA {own_schema} AUTHORIZATION {user}; and create it again.",
                schema=target.schema,
                database=session.database_name,
                reason=reason.message,
                identifier=database,
                user=user,
                own_schema=schema,
            )
        ) from None
    options.listener(Remarked(N_("Made the schema {schema!r}.", schema=target.schema)))


def _of_others(target: FleetTarget, names: Sequence[str]) -> str:
    more = N_(" and {count} more", count=len(names) - NAMED) if len(names) > NAMED else ""
    return N_(
        "The schema {schema!r} is half there: it has {names}{more}, and no history of migrations, so another tool has "
        "made that, or somebody by hand. Nothing was done. If it is not needed: DROP SCHEMA {identifier} CASCADE; and "
        "create it again. If it belongs there, as tables of Django's own migrations, run the others beside it: "
        "migrations_run{options}",
        schema=target.schema,
        names=", ".join(names[:NAMED]),
        more=more,
        identifier=identifier(target.schema or ""),
        options=options_for(target),
    )
