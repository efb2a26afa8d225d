"""Writes a migration file for what the models of an app say and its tables do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from medusa_migrations import conf
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History, read_known
from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.files import sqlfile
from medusa_migrations.files.build import from_sources
from medusa_migrations.files.make import make, own_app
from medusa_migrations.files.owned import django_migrations
from medusa_migrations.migration import Migration
from medusa_migrations.models import AppliedMigration
from medusa_migrations.plan.known import Known
from medusa_migrations.results import GenerateResult
from medusa_migrations.sql.scanner import split

from .compare import Change
from .draft import Draft, Request, make_draft
from .file import derived_name, file_text
from .kept import globs_after_renames, keeps_table
from .proof import NotProven
from .wanted import Wanted, wanted_by

# Partitions, children by inheritance and what an extension made are parts of something else.
_LEFT_OVER = """
SELECT c.relname::text FROM pg_catalog.pg_class c
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = pg_catalog.current_schema()::pg_catalog.regnamespace
AND pg_catalog.starts_with(c.relname, %s) AND c.relname <> ALL (%s::text[])
AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid)
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
    AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname
"""

_ELSEWHERE = """
SELECT name FROM pg_catalog.unnest(%s::text[]) name JOIN pg_catalog.pg_class c
ON c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(name))
WHERE c.relnamespace <> pg_catalog.current_schema()::pg_catalog.regnamespace
"""


def generate(
    app_label: str,
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
    """As `medusa_migrations.api.generate`."""
    app = own_app(app_label)
    if django_migrations(app.label):
        raise PlanError(f"The app {app.label!r} has Django migrations. Use makemigrations {app.label}.")
    migrations, _ = from_sources()
    with open_session(database) as session:
        known = read_known(History(session), migrations)
        _refuse_unfinished(known, app.label, database)
        wanted = wanted_by(app.label, session.connection)
        _refuse_elsewhere(session, wanted)
        ignore = (*conf.get_settings().ignore, *_kept(migrations, app.label))
        left_over = _left_over(session, app.label, ignore)
        request = Request(
            wanted,
            ignore=ignore,
            renames=tuple(renames),
            extra_tables=left_over,
            drop_tables=drop_tables,
            accept=lambda rename: accept(str(rename)),
            value=value,
        )
        draft = make_draft(session, request)
    warnings = [*_switched_off(known, app.label), *draft.warnings]
    unclaimed = sorted({*left_over} - {rename.old for rename in draft.renames})
    if unclaimed and not drop_tables:
        warnings.append(f"No model has {', '.join(unclaimed)} any more. To drop that, generate with --drop-tables.")
    warnings += [one.note for one in draft.up if one.note]
    made = None
    if draft.up and not check:
        tables = {rename.old: rename.new for rename in draft.renames if not rename.table}
        keep = globs_after_renames(ignore, tables)
        running = [one for one in migrations if one.id not in known.disabled]
        text = file_text(app.label, draft, _depends(draft, wanted, running), keep)
        _refuse_misread(text, draft)
        made = make(app.label, name or derived_name(draft), timestamp=timestamp, dry_run=dry_run, text=text)
    return GenerateResult(
        database,
        (*(f"rename {rename}" for rename in draft.renames), *map(_in_words, draft.changes)),
        made,
        tuple(one.loses for one in draft.up if one.loses),
        tuple(map(str, draft.offered)),
        tuple(warnings),
    )


def _refuse_unfinished(known: Known, label: str, database: str) -> None:
    """Raise PlanError unless all of the app's migrations are applied: what they would do would be generated again."""
    waiting = [str(one.id) for one in (*known.pending(), *known.changed()) if one.id.app == label]
    if waiting:
        raise PlanError(
            f"{', '.join(waiting)}: not applied as it is now in the database {database!r}, so what it does "
            f"would be generated once more. Run migrations_run {label} first."
        )


def _switched_off(known: Known, label: str) -> list[str]:
    """Warnings that name the app's migrations that do not run."""
    return [
        f"{one.id} does not run: its feature, or that of one it depends on, is off. What it makes may be generated "
        "once more, and then it fails when the feature is on."
        for one in known.migrations
        if one.id.app == label and one.id in known.disabled
    ]


def _left_over(session: Session, label: str, ignore: Sequence[str]) -> tuple[str, ...]:
    """Tables that are named as the app's, that no model of any app has, and that are not kept as a whole."""
    models = [model._meta.db_table for model in apps.get_models(include_auto_created=True, include_swapped=True)]
    rows = session.query(_LEFT_OVER, [f"{label}_", [*models, AppliedMigration._meta.db_table]])
    longer = [f"{other}_" for other in apps.app_configs if other.startswith(f"{label}_")]
    own = [name for (name,) in rows if not name.startswith(tuple(longer))]
    return tuple(name for name in own if not keeps_table(ignore, name))


def _refuse_elsewhere(session: Session, wanted: Wanted) -> None:
    rows = session.query(_ELSEWHERE, [sorted(wanted.tables)])
    if rows:
        raise PlanError(
            f"{', '.join(name for (name,) in rows)}: in another schema of the search_path than the first, which is the "
            "one that is compared. Put that schema first, for example by OPTIONS of this database."
        )


def _kept(migrations: Iterable[Migration], label: str) -> list[str]:
    return [glob for migration in migrations if migration.id.app == label for glob in migration.keep]


def _depends(draft: Draft, wanted: Wanted, migrations: Sequence[Migration]) -> list[str]:
    """The latest of `migrations` of the other apps whose tables change, or new foreign keys refer to."""
    owners = {model._meta.db_table: model._meta.app_label for model in apps.get_models(include_auto_created=True)}
    own = {model._meta.db_table for model in wanted.models}
    others = {*draft.referred, *(change.table for change in draft.changes)} - own
    labels = {owners[table] for table in others if table in owners}
    by_django = {label for label in labels if django_migrations(label)}
    found = [
        next((str(one.id) for one in reversed(migrations) if one.id.app == label), None) for label in labels - by_django
    ]
    if by_django:
        graph = MigrationLoader(None).graph
        found += [".".join(leaf) for label in by_django for leaf in graph.leaf_nodes(label)]
    return sorted(id_ for id_ in found if id_)


def _refuse_misread(text: str, draft: Draft) -> None:
    """Raise NotProven if the file would not be read as the statements that were proven."""
    parsed = sqlfile.parse(text, "what was generated")
    for part, statements in ((parsed.up, draft.up), (parsed.down, draft.down)):
        sql = text[part.start : part.end] if part else ""
        if [sql[one.start : one.end] for one in split(sql)] != [statement.sql for statement in statements]:
            raise NotProven("The file that was generated is not read as it was meant. Nothing was written.")


def _in_words(change: Change) -> str:
    return f"{change.op} {change.table}" + ("" if change.thing.name == change.table else f".{change.thing.name}")
