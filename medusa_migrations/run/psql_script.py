"""A script for psql that applies what is pending and records it, for those who let nothing else into a database."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from django.db.models import Model

from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History, read_known
from medusa_migrations.database.journal import Entry, Journal
from medusa_migrations.database.keys import OF_DATABASE
from medusa_migrations.database.place import FOUND, JOURNAL, Place
from medusa_migrations.database.postgresql import CHECK_DEFERRED
from medusa_migrations.database.session import Session, SessionSql
from medusa_migrations.errors import PlanError
from medusa_migrations.files.build import release, to_run
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId, dependencies, django_dependencies
from medusa_migrations.models import FORMAT, HISTORY_COMMENT, AppliedMigration, MigrationLog
from medusa_migrations.plan.known import Known, find_id
from medusa_migrations.plan.steps import Step
from medusa_migrations.sql.names import literal, quoted
from medusa_migrations.sql.psql import for_psql
from medusa_migrations.sql.scanner import Statement, split
from medusa_migrations.sql.statements import (
    is_committed,
    is_concurrent,
    may_commit_in_part,
    outside_transaction,
    transactions,
)

from .options import Options, forwards
from .stepwise import text_checksum, unit_checksums
from .task import Task, load_tasks
from .unfinished import NOTHING

# psql puts the tables' names, with their schema, in the place of these.
_TABLE = ":medusa_migrations_table"
_JOURNAL = ":medusa_migrations_journal"

# Behind the making of the table search_path is the server's own, so that nothing of a user's is called.
_CHECKED = """\
DO $medusa_migrations$
DECLARE
    history pg_catalog.oid := {oid}; journal pg_catalog.oid; table_ pg_catalog.oid;
    name_ pg_catalog.text; comment_ pg_catalog.text; columns_ pg_catalog.text[]; owner_ pg_catalog.text;
    is_table pg_catalog.bool; is_ours pg_catalog.bool; found_ pg_catalog.text;
BEGIN
    IF NOT ({lock}) THEN
        RAISE EXCEPTION 'migrations are being run in this database: run this script when they are done';
    END IF;
    IF history IS NULL THEN
        IF EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relname = {table}::name
            AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
            AND pg_catalog.starts_with(pg_catalog.obj_description(c.oid, 'pg_class'), {any_history})) THEN
            RAISE EXCEPTION 'this database has its history in a schema that search_path does not find: put that into'
                ' search_path, or into the setting HISTORY_SCHEMA and make this script again';
        END IF;
        {schema}
        {creation}
        history := {oid};
    END IF;
    PERFORM pg_catalog.set_config('search_path', pg_catalog.quote_ident(n.nspname::text), true)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = history;
    IF pg_catalog.to_regclass({journal}) IS NULL THEN
        {journal_creation}
    END IF;
    journal := pg_catalog.to_regclass({journal})::oid;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true);
    FOREACH table_ IN ARRAY ARRAY[journal, history] LOOP
        SELECT * INTO name_, comment_, columns_, is_table, owner_, is_ours FROM ({found}table_) f;
        IF NOT is_table
            OR NOT columns_ @> (CASE table_ WHEN history THEN ARRAY[{columns}] ELSE ARRAY[{journal_columns}] END)
            OR COALESCE(substring(comment_ FROM 'format (\\d+)')::int, 0) > {format} THEN
            RAISE EXCEPTION '% is not of this version of medusa_migrations: run migrations_run there', name_;
        END IF;
        IF NOT is_ours THEN
            RAISE EXCEPTION '% belongs to %, whose triggers would run with your rights: see who made it. If'
                ' it is to be trusted, run this as a role that is a member of it', name_, owner_;
        END IF;
    END LOOP;
    EXECUTE 'SELECT string_agg(app || ''.'' || name, '', '') FROM (VALUES {ids}) w (app, name)
        WHERE EXISTS (SELECT FROM ' || name_ || ' h WHERE h.app::text = w.app AND h.name::text = w.name)' INTO found_;
    IF found_ IS NOT NULL THEN
        RAISE EXCEPTION 'nothing was run: the history of this database has % already', found_;
    END IF;
    EXECUTE 'SELECT string_agg(app || ''.'' || name, '', '') FROM (VALUES {applied}) w (app, name)
        WHERE NOT EXISTS (SELECT FROM ' || name_ || ' h WHERE h.app::text = w.app AND h.name::text = w.name
            AND h.state::text = ''applied''::text)' INTO found_;
    IF found_ IS NOT NULL THEN
        RAISE EXCEPTION 'nothing was run: this script is for a database where % is applied too', found_;
    END IF;
END
$medusa_migrations$;"""


def psql_script(ids: Sequence[str], alias: str) -> str:
    """The script for what is pending in the database `alias`, of `ids` only if there are any. Writes nothing.

    Raises PlanError for what no script can hold or what the history does not allow, DatabaseError, DistError.
    """
    options = Options.chosen({"database": alias})
    migrations = to_run(only_plan=True)
    with open_session(alias) as session:
        history = History(session)
        known = read_known(history, migrations)
        steps = _chosen(forwards().plan(known).steps, ids, known)
        _refuse_what_no_script_holds(steps)
        if any(step.migration and django_dependencies(step.migration) for step in steps):
            from .prerequisites import check_applied

            check_applied(steps, session)
        _refuse_what_is_there(steps, session)
        tasks = load_tasks(steps, options.mode)
        applied = [migration.id for migration in known.migrations if known.is_applied(migration.id)]
        stage = _Stage(
            history.place,
            history.creation(AppliedMigration),
            history.creation(MigrationLog),
            session.prepare(),
            options,
            str(uuid.uuid4()),
        )
    return _script(stage, tasks, applied) if tasks else "-- Nothing is pending.\n"


class _Stage(NamedTuple):
    """What the script of any migration needs; `creation` makes the history, `run` is the mark of what it applies."""

    place: Place
    creation: Sequence[str]
    journal_creation: Sequence[str]
    session: SessionSql
    options: Options
    run: str

    @property
    def journal(self) -> Journal:
        """The journal as whoever runs the script writes it."""
        common = (
            f"{literal(self.run)}, session_user::text, session_user::text, 'psql',"
            f" {literal(release())}, pg_catalog.current_database()::text"
        )
        return Journal(_JOURNAL, common)


def _chosen(pending: Sequence[Step], ids: Sequence[str], known: Known) -> list[Step]:
    """The steps that `ids` name, all if there are none. Raises PlanError for what is not pending, or needs another."""
    if not ids:
        return list(pending)
    steps = {step.id: step for step in pending}
    wanted = {find_id(text, known) for text in ids}
    for id_ in wanted:
        if id_ not in steps:
            raise PlanError(N_("{id} is not pending: migrations_show tells what it is. Leave it out.", id=id_))
        lacking = [one for one in dependencies(known.by_id[id_]) if one in steps and one not in wanted]
        if lacking:
            raise PlanError(
                N_("{id} depends on {dependency}, which is pending too. Name both.", id=id_, dependency=lacking[0])
            )
    return [step for id_, step in steps.items() if id_ in wanted]


def _refuse_what_no_script_holds(steps: Sequence[Step]) -> None:
    python = [str(step.id) for step in steps if step.migration and step.migration.is_python]
    if python:
        raise PlanError(
            N_(
                "{ids}: written in Python, and its code is no SQL that psql could run. Apply it with migrations_run, "
                "or name only others.",
                ids=", ".join(python),
            )
        )
    again = [str(step.id) for step in steps if step.undoes or (step.row and step.id.is_repeatable)]
    if again:
        raise PlanError(
            N_(
                "{ids}: takes the place of what is applied, or drops it first, and only migrations_run knows what the "
                "database has by then. Apply it with that, or name only others.",
                ids=", ".join(again),
            )
        )
    begun = [str(step.id) for step in steps if step.row]
    if begun:
        raise PlanError(
            N_(
                "{ids}: begun and not finished, and only migrations_run knows where to go on. Finish it with that "
                "first, or name only others.",
                ids=", ".join(begun),
            )
        )


def _refuse_what_is_there(steps: Sequence[Step], session: Session) -> None:
    """Raise PlanError for baselines of whose tables some are there: whether those are alike, a run sees."""
    if not any(step.is_baseline for step in steps):
        return
    from .baseline import may_be_recorded

    there = [str(step.id) for step in steps if step.id in may_be_recorded(steps, session)]
    if there:
        raise PlanError(
            N_(
                "{ids}: its tables are there, and only migrations_run compares them with what it makes, and records "
                "it. Do that first, or name only others.",
                ids=", ".join(there),
            )
        )


def _script(stage: _Stage, tasks: Sequence[Task], applied: Sequence[MigrationId]) -> str:
    lines = [*_head(stage, tasks, applied)]
    for task in tasks:
        lines += [f"\n\\echo 'Applying {task.id}'"]
        lines += _in_transaction(stage, task) if task.transactional else _stepwise(stage, task)
    return "\n".join([*lines, "\n\\echo 'Done: migrations_show tells what is applied.'\n"])


def _head(stage: _Stage, tasks: Sequence[Task], applied: Sequence[MigrationId]) -> Iterator[str]:
    yield "-- SQL migrations, with their history. Run it with: psql -X -f THIS_FILE DATABASE"
    yield from (f"--   {task.id}" + (" (phase after)" if task.step.phase == "after" else "") for task in tasks)
    yield "\\set ON_ERROR_STOP on\n\\set ON_ERROR_ROLLBACK off\n\\set AUTOCOMMIT on"
    yield "\\set SINGLELINE off\n\\set SINGLESTEP off\n\\set QUIET on"
    yield "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;"
    yield _checked(stage, [task.id for task in tasks], applied)
    yield (
        "SELECT pg_catalog.quote_ident(n.nspname::text) || '.'::text || pg_catalog.quote_ident(c.relname::text)"
        " AS medusa_migrations_table,\n"
        f"    pg_catalog.quote_ident(n.nspname::text) || {literal('.' + JOURNAL)} AS medusa_migrations_journal\n"
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
        f" ON n.oid = c.relnamespace WHERE c.oid = {_oid(stage.place)} \\gset"
    )
    yield _quiet(stage.session.elsewhere)


def _oid(place: Place) -> str:
    return f"pg_catalog.to_regclass({literal(place.name)})::oid"


def _checked(stage: _Stage, ids: Collection[MigrationId], applied: Collection[MigrationId]) -> str:
    """SQL that has the history there and takes the lock, or fails with the reason: what `History.open` sees to."""
    schema = quoted(stage.place.schema) if stage.place.schema else ""
    return _CHECKED.format(
        oid=_oid(stage.place),
        lock=OF_DATABASE.take.removeprefix("SELECT "),
        table=literal(AppliedMigration._meta.db_table),
        any_history=literal(HISTORY_COMMENT.partition(",")[0]),
        schema=f"CREATE SCHEMA IF NOT EXISTS {schema}; SET LOCAL search_path TO {schema};" if schema else "",
        creation="\n        ".join(stage.creation),
        found=FOUND,
        journal=literal(JOURNAL),
        journal_creation="\n        ".join(stage.journal_creation),
        columns=_columns(AppliedMigration),
        journal_columns=_columns(MigrationLog),
        format=FORMAT,
        ids=_values(ids),
        applied=_values(applied),
    )


def _columns(model: type[Model]) -> str:
    return ", ".join(literal(field.column) for field in model._meta.local_fields)


def _values(ids: Collection[MigrationId]) -> str:
    """`ids` as rows of text, in a string; one of nulls if there are none, which is in no history and lacks nowhere."""
    rows = ", ".join(f"(''{id_.app}''::text, ''{id_.name}''::text)" for id_ in ids)
    return rows or "(NULL::text, NULL::text)"


def _in_transaction(stage: _Stage, task: Task) -> Iterator[str]:
    yield f"BEGIN;\n{stage.options.timeouts('SET LOCAL')}"
    yield f"{for_psql(task.script.sql).strip()}\n;"
    yield _behind(stage)
    since_begin = "pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp()"
    row = _insert(stage, task, "applied", task.checksum, _milliseconds(since_begin))
    yield f"{_logged(stage, row)}\nCOMMIT;"


def _behind(stage: _Stage) -> str:
    """What follows a part, as in a run: the resets, and the look at the lock."""
    return _quiet(CHECK_DEFERRED + stage.session.elsewhere + OF_DATABASE.check)


def _stepwise(stage: _Stage, task: Task) -> Iterator[str]:
    """A part without a transaction: the history knows how far it came, so that migrations_run can go on with it."""
    units = transactions(split(task.script.sql))
    yield f"{_insert(stage, task, 'running', NOTHING, 'NULL')}\n{stage.options.timeouts('SET')}"
    checksums = unit_checksums(task.script.sql, units)
    for number, (unit, checksum) in enumerate(zip(units, checksums, strict=True), 1):
        done = f"statements_done = {number}, checksum = {literal(checksum)}, progress = NULL"
        yield from _unit(stage, task, unit, _quiet(stage.session.as_ourselves) + "\n" + _update(task, done))
    yield _quiet(stage.session.elsewhere + OF_DATABASE.check)
    took = _milliseconds("pg_catalog.clock_timestamp() - applied_at")
    applied = "applied_at = pg_catalog.clock_timestamp()"
    checksum = literal(task.checksum)
    row = _update(task, f"state = 'applied', checksum = {checksum}, progress = NULL, duration_ms = {took}, {applied}")
    yield _logged(stage, row)


def _unit(stage: _Stage, task: Task, unit: Sequence[Statement], record: str) -> Iterator[str]:
    texts = [_text(task, statement) for statement in unit]
    alone = f"BEGIN READ WRITE;\n{record}\nCOMMIT;"
    words = unit[0].words
    if len(unit) > 1:
        can_write = is_committed(unit) and ("READ", "ONLY") not in set(
            itertools.chain.from_iterable(itertools.pairwise(one.words) for one in unit)
        )
        yield from texts[:-1]
        yield from [record, texts[-1]] if can_write else [texts[-1], alone]
    elif may_commit_in_part(words):
        progress = literal(json.dumps({"sent_alone": text_checksum(task.script, unit[0])}))
        yield from [_update(task, f"progress = {progress}"), *texts, alone]
    elif is_concurrent(words):
        # CONCURRENTLY waits for old snapshots too, and would leave an invalid index.
        yield from ["SET lock_timeout = 0;", *texts, stage.options.timeouts("SET"), alone]
    elif outside_transaction(words):
        yield from [*texts, alone]
    else:
        yield from ["BEGIN READ WRITE;", *texts, record, "COMMIT;"]


def _text(task: Task, statement: Statement) -> str:
    """A statement with its semicolon, and the rows of a COPY."""
    sql = task.script.sql
    text = f"{sql[statement.start : statement.end]}\n;"
    return for_psql(text if statement.data is None else f"{text}\n{sql[slice(*statement.data)]}\\.\n")


def _insert(stage: _Stage, task: Task, state: str, checksum: str, milliseconds: str) -> str:
    values = [task.id.app, task.id.name, checksum, state]
    return (
        f"INSERT INTO {_TABLE} (app, name, checksum, state, applied_at, duration_ms, applied_by, run,"
        " statements_done, progress, error, down)\n"
        f"VALUES ({', '.join(map(literal, values))}, pg_catalog.clock_timestamp(), {milliseconds}, session_user::text,"
        f" {literal(stage.run)}, 0, NULL, '', {literal(task.down)});"
    )


def _update(task: Task, assignments: str) -> str:
    app, name = map(literal, task.id)
    return f"UPDATE {_TABLE} SET {assignments} WHERE app::text = {app}::text AND name::text = {name}::text;"


def _logged(stage: _Stage, sql: str) -> str:
    """`sql`, which changes one row of the history, with an entry of the journal."""
    entry = stage.journal.follow("changed", Entry("applied", milliseconds="duration_ms"))
    return f"WITH changed AS ({sql.removesuffix(';')} RETURNING app, name, checksum, duration_ms)\n{entry};"


def _milliseconds(interval: str) -> str:
    return f"(EXTRACT(epoch FROM {interval}) * 1000::numeric)::bigint"


def _quiet(sql: str) -> str:
    """The statements of `sql`, a line each, so that psql prints no rows of a SELECT."""
    found = []
    for statement in split(sql):
        text = sql[statement.start : statement.end]
        if statement.words[0] == "SELECT":
            text = f"DO $medusa_migrations$BEGIN PERFORM {text.removeprefix('SELECT ')}; END$medusa_migrations$"
        found.append(f"{text};")
    return "\n".join(found)
