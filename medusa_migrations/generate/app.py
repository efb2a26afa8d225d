"""The generator from its door on: compares the models of an app with its tables, and writes a migration file."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from medusa_migrations import conf
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History, read_known
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.files import sqlfile
from medusa_migrations.files.build import from_sources
from medusa_migrations.files.make import make, next_timestamp, own_app
from medusa_migrations.files.owned import django_migrations, owned, taken_over
from medusa_migrations.files.past import is_over
from medusa_migrations.migration import Migration, MigrationId
from medusa_migrations.models import AppliedMigration
from medusa_migrations.plan.known import Known
from medusa_migrations.results import GenerateResult, MadeFile
from medusa_migrations.sql.scanner import split

from .compare import Change
from .draft import Draft, make_draft
from .file import derived_name, file_text
from .fills import fill_text
from .kept import globs_after_renames, keeps_table
from .proof import NotProven
from .remade import mentions
from .repeatables import makers_of
from .request import Request
from .scope import Scope
from .tables import Table
from .wanted import Wanted, tables_of_past, wanted_by, warnings_of_parents

# What the names of files end with that come behind the first; a name is also that of a phase.
_FILL, _AFTER = "fill", "after"
# A statement each, so that no lock stays behind it.
_ALONE = " transaction:false"

# Partitions, children by inheritance and what an extension made are parts of something else.
_LEFT_OVER = """
SELECT c.relname::text FROM pg_catalog.pg_class c
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = pg_catalog.current_schema()::pg_catalog.regnamespace::oid
AND (pg_catalog.starts_with(c.relname, %s) OR c.relname = ANY (%s::text[])) AND c.relname <> ALL (%s::text[])
AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid)
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass::oid
    AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname
"""

_ELSEWHERE = """
SELECT name FROM pg_catalog.unnest(%s::text[]) name JOIN pg_catalog.pg_class c
ON c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(name))::oid
WHERE c.relnamespace <> pg_catalog.current_schema()::pg_catalog.regnamespace::oid
"""


def generate(request: Request) -> GenerateResult:
    """Compare the models of an app with its tables, and write a migration unless nothing differs or `check` is set.

    Raises PlanError if the app, a rename or the state of the database does not allow it, DatabaseError if the models
    cannot be built, and NotProven if what was generated does not do what it should; nothing is written then.
    """
    labels = [own_app(one).label for one in request.apps]
    if len(labels) > 1:
        raise PlanError("One app at a time can be compared.")
    label = labels[0]
    if label not in owned([label]):
        raise PlanError(
            f"The app {label!r} has Django migrations. Use makemigrations {label}, or, for its tables to be SQL's from "
            f"the last one on, name that in SQL_SINCE."
        )
    draft, scope, known = _compared(request, label)
    files = _written(request, label, draft, scope, known) if draft.up and not request.check else ()
    return GenerateResult(
        database=request.database,
        changes=_changes(draft),
        made=files[0] if files else None,
        more=tuple(files[1:]),
        loses=tuple(one.loses for one in draft.up if one.loses),
        offered=tuple(map(str, draft.offered)),
        warnings=tuple(_warnings(request, label, draft, scope, known)),
    )


def compare_models(label: str, database: str, interruption: Interruption) -> tuple[str, ...]:
    """What differs between the models of an app and its tables, in words.

    Raises as `generate` does, and StopRequested.
    """
    return _changes(_compared(Request(apps=(label,), check=True, database=database), label, interruption)[0])


def _compared(request: Request, label: str, interruption: Interruption | None = None) -> tuple[Draft, Scope, Known]:
    """What would bring the tables of an app to its models, what was compared, and the migrations."""
    migrations, _ = from_sources()
    with open_session(request.database, interruption) as session:
        known = read_known(History(session), migrations)
        _refuse_unfinished(known, label, request.database)
        _refuse_unfinished_past(session, label)
        scope = _scope(session, request, label, known)
        return make_draft(session, request, scope), scope, known


def _changes(draft: Draft) -> tuple[str, ...]:
    return *(f"rename {rename}" for rename in draft.renames), *map(_in_words, draft.changes)


def _scope(session: Session, request: Request, label: str, known: Known) -> Scope:
    """What of an app is compared, by its models, its migrations and the settings."""
    wanted = wanted_by(label, session.connection)
    _refuse_elsewhere(session, wanted)
    ignore = (*conf.get_settings().ignore, *_keep_globs(known.migrations, label))
    return Scope(wanted, ignore, _left_over(session, request, label, ignore), _coming(known))


def _coming(known: Known) -> frozenset[str]:
    """The tables of models that come by themselves: of apps with Django migrations, or named in a pending migration."""
    pending: dict[str, str] = {}
    for one in known.pending():
        pending[one.id.app] = pending.get(one.id.app, "") + Path(one.file).read_text(errors="replace")
    by_django = {label for label in apps.app_configs if django_migrations(label)} - taken_over().keys()
    past = tables_of_past()
    return frozenset(
        options.db_table
        for options in (model._meta for model in apps.get_models(include_auto_created=True))
        if options.app_label in by_django
        or options.db_table in past
        or mentions(pending.get(options.app_label, ""), options.db_table)
    )


def _written(request: Request, label: str, draft: Draft, scope: Scope, known: Known) -> Sequence[MadeFile]:
    """Write the files, or with `dry_run` only say what they would be; what is wrong with one is told before any is."""
    texts = _texts(label, draft, scope, known)
    made = functools.partial(_made, label, request.name or derived_name(draft), texts)
    files = list(made(request.timestamp, dry_run=True))
    return files if request.dry_run else list(made(files[0].id.timestamp, dry_run=False))


def _made(
    label: str, name: str, texts: Sequence[tuple[str, str]], timestamp: str | None, *, dry_run: bool
) -> Iterator[MadeFile]:
    """The files, a second apart."""
    before: list[MigrationId] = []
    for ending, text in texts:
        made = make(
            label,
            f"{name}_{ending}" if ending else name,
            timestamp=next_timestamp(before, datetime.fromtimestamp(0, UTC)) if before else timestamp,
            dry_run=dry_run,
            text=text,
            python=ending == _FILL,
        )
        before = [made.id]
        yield made


def _texts(label: str, draft: Draft, scope: Scope, known: Known) -> Sequence[tuple[str, str]]:
    """The texts of the files for a draft, each with what its name ends with."""
    running = [one for one in known.migrations if one.id not in known.disabled and not one.is_repeatable]
    depends, keep = _depends(draft, scope.wanted, running), _kept_after_renames(draft, scope)
    drops = makers_of(draft.standing, known).ids
    if draft.stages is None:
        return [("", _read_back(file_text(label, draft, depends, keep, drops), draft))]
    if drops:
        raise PlanError(
            f"{', '.join(map(str, drops))}: in the way of what changes, and made by a repeatable migration, which "
            "would have to go meanwhile; statement by statement, others would be without it. Nothing was written. "
            "Leave out --online: then it goes in the transaction of the change."
        )
    stages, found = draft.stages, []
    before, after = (replace(draft, up=one.up, down=one.down) for one in (stages.before, stages.after))
    if before.up:
        found.append(("", _read_back(file_text(label, before, depends, option=_ALONE), before)))
    if stages.fills:
        found.append((_FILL, fill_text(label, stages.fills, depends)))
    if after.up:
        after = replace(after, offered=() if found else after.offered)
        found.append((_AFTER, _read_back(file_text(label, after, depends, option=_ALONE, phase=_AFTER), after)))
    return found


def _kept_after_renames(draft: Draft, scope: Scope) -> list[str]:
    """The globs that keep what they keep today under new names."""
    tables = {rename.old: rename.new for rename in draft.renames if not rename.table}
    were = {new: old for old, new in tables.items()}
    columns = {
        (were.get(rename.table, rename.table), rename.old): (rename.table, rename.new)
        for rename in draft.renames
        if rename.table
    }
    return globs_after_renames(scope.ignore, tables, columns)


def _warnings(request: Request, label: str, draft: Draft, scope: Scope, known: Known) -> Iterator[str]:
    """What somebody should know of the comparison, whether or not there is a difference."""
    yield from _switched_off(known, label)
    made = {change.table for change in draft.changes if change.op == "create" and isinstance(change.new, Table)}
    yield from warnings_of_parents(model for table, model in scope.wanted.tables.items() if table in made)
    yield from map(str, makers_of(draft.standing, known).others)
    yield from draft.warnings
    unclaimed = sorted({*scope.extra_tables} - {rename.old for rename in draft.renames})
    if unclaimed and not request.drop_tables:
        yield f"No model has {', '.join(unclaimed)} any more. To drop that, generate with --drop-tables."
    fills = draft.stages.fills if draft.stages else ()
    notes = (text for one in draft.up for text in (one.note, *one.rewrites))
    yield from dict.fromkeys(text for text in (*notes, *(one.note for one in fills)) if text)
    yield from (f"In the down part: {one.note}" for one in draft.down if one.is_unfinished)


def _refuse_unfinished(known: Known, label: str, database: str) -> None:
    """Raise PlanError unless all of the app's migrations are applied: what they would do would be generated again."""
    waiting = [str(one.id) for one in (*known.pending(), *known.changed()) if one.id.app == label]
    if waiting:
        raise PlanError(
            f"{', '.join(waiting)}: not applied as it is now in the database {database!r}, so what it does "
            f"would be generated once more. Run migrations_run {label} first."
        )


def _refuse_unfinished_past(session: Session, label: str) -> None:
    """Raise PlanError if the app's last Django migration is not applied: its tables would be made once more."""
    last = taken_over().get(label)
    if last is None:
        return
    is_there = session.query("SELECT pg_catalog.to_regclass('django_migrations') IS NOT NULL")[0][0]
    rows = session.query("SELECT name FROM django_migrations WHERE app = %s", [label]) if is_there else ()
    if not is_over(label, last, {name for (name,) in rows}):
        raise PlanError(
            f"{label}.{last}, the last of the app's Django migrations, is not applied in the database "
            f"{session.alias!r}, so what they make would be generated once more. Run `migrate {label} {last}` first."
        )


def _switched_off(known: Known, label: str) -> list[str]:
    """Warnings that name the app's migrations that do not run."""
    return [
        f"{one.id} does not run: its feature, or that of one it depends on, is off. What it makes may be generated "
        "once more, and then it fails when the feature is on."
        for one in known.migrations
        if one.id.app == label and one.id in known.disabled
    ]


def _left_over(session: Session, request: Request, label: str, ignore: Sequence[str]) -> tuple[str, ...]:
    """Tables that no model of any app has, that are not kept as a whole, and that are named as the app's or renamed."""
    models = [model._meta.db_table for model in apps.get_models(include_auto_created=True, include_swapped=True)]
    renamed = {re.split("[.=]", text)[0] for text in request.renames}
    rows = session.query(_LEFT_OVER, [f"{label}_", sorted(renamed), [*models, AppliedMigration._meta.db_table]])
    longer = [f"{other}_" for other in apps.app_configs if other.startswith(f"{label}_")]
    own = [name for (name,) in rows if name in renamed or not name.startswith(tuple(longer))]
    return tuple(name for name in own if not keeps_table(ignore, name))


def _refuse_elsewhere(session: Session, wanted: Wanted) -> None:
    """Raise PlanError if a table is found in another schema than the first of the search_path."""
    rows = session.query(_ELSEWHERE, [sorted(wanted.tables)])
    if rows:
        raise PlanError(
            f"{', '.join(name for (name,) in rows)}: in another schema of the search_path than the first, which is the "
            "one that is compared. Put that schema first, for example by OPTIONS of this database."
        )


def _keep_globs(migrations: Iterable[Migration], label: str) -> list[str]:
    """The globs that the app's migrations have in migrate:keep."""
    return [glob for migration in migrations if migration.id.app == label for glob in migration.keep]


def _depends(draft: Draft, wanted: Wanted, migrations: Sequence[Migration]) -> list[str]:
    """The latest of `migrations` of the other apps whose tables change, or new foreign keys refer to."""
    owners = {model._meta.db_table: model._meta.app_label for model in apps.get_models(include_auto_created=True)}
    own = {model._meta.db_table for model in wanted.models}
    others = {*draft.referred, *(change.table for change in draft.changes)} - own
    labels = {owners[table] for table in others if table in owners}
    over = taken_over()
    by_django = {label for label in labels if django_migrations(label)} - over.keys()
    found = [
        next((str(one.id) for one in reversed(migrations) if one.id.app == label), _end_of_past(label, over))
        for label in labels - by_django
    ]
    if by_django:
        graph = MigrationLoader(None).graph
        found += [".".join(leaf) for label in by_django for leaf in graph.leaf_nodes(label)]
    return sorted(id_ for id_ in found if id_)


def _end_of_past(label: str, over: Mapping[str, str]) -> str | None:
    return f"{label}.{over[label]}" if label in over else None


def _read_back(text: str, draft: Draft) -> str:
    """The text of a file. Raises NotProven if it would not be read as the statements that were proven."""
    parsed = sqlfile.parse(text, "what was generated")
    for part, statements in ((parsed.up, draft.up), (parsed.down, draft.down)):
        sql = part.sql(text) if part else ""
        if [sql[one.start : one.end] for one in split(sql)] != [statement.sql for statement in statements]:
            raise NotProven("The file that was generated is not read as it was meant. Nothing was written.")
    return text


def _in_words(change: Change) -> str:
    """A change as a result tells it, such as `create blog_post.title`."""
    return f"{change.op} {change.table}" + ("" if change.thing.name == change.table else f".{change.thing.name}")
