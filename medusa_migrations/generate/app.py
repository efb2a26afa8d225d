"""The generator from its door on: compares the models of apps with their tables, and writes migration files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from medusa_migrations import conf
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History, read_known
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.database.postgresql import FIRST_SCHEMA
from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.files import sqlfile
from medusa_migrations.files.build import from_sources
from medusa_migrations.files.make import make, next_timestamp, own_app
from medusa_migrations.files.owned import django_migrations, owned, taken_over
from medusa_migrations.files.past import is_over
from medusa_migrations.messages import N_
from medusa_migrations.migration import Migration, MigrationId
from medusa_migrations.models import AppliedMigration
from medusa_migrations.plan.known import Known
from medusa_migrations.results import GenerateResult, MadeFile
from medusa_migrations.sql.scanner import split

from .compare import Change
from .draft import Draft, make_draft
from .file import derived_name, file_text
from .fills import fill_text
from .in_files import AppFile
from .kept import globs_after_renames, keeps_table
from .names import in_words
from .proof import NotProven
from .remade import mentions
from .repeatables import makers_of
from .request import Request
from .scope import Scope
from .stages import Stages
from .tables import Table
from .wanted import Wanted, tables_of_past, wanted_by, warnings_of_parents

# What the names of files end with that come behind the first; a name is also that of a phase.
_FILL, _AFTER = "fill", "after"
# A statement each, so that no lock stays behind it.
_ALONE = " transaction:false"

# Partitions, children by inheritance and what an extension made are parts of something else.
_LEFT_OVER = f"""
SELECT c.relname::text FROM pg_catalog.pg_class c
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = {FIRST_SCHEMA}
AND (pg_catalog.starts_with(c.relname, %s) OR c.relname = ANY (%s::text[])) AND c.relname <> ALL (%s::text[])
AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid)
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass::oid
    AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname
"""

_ELSEWHERE = f"""
SELECT name FROM pg_catalog.unnest(%s::text[]) name JOIN pg_catalog.pg_class c
ON c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(name))::oid
WHERE c.relnamespace <> {FIRST_SCHEMA}
"""


def generate(request: Request) -> GenerateResult:
    """Compare the models of apps with their tables, and write migrations unless nothing differs or `check` is set.

    Raises PlanError if an app, a rename or the state of the database does not allow it, DatabaseError if the models
    cannot be built, and NotProven if what was generated does not do what it should; nothing is written then.
    """
    if not request.apps:
        raise PlanError(N_("No app is named whose models are to be compared."))
    for label in request.apps:
        own_app(label)
        if label not in owned([label]):
            raise PlanError(
                N_(
                    "The app {label!r} has Django migrations. Use makemigrations {label}. For its tables to be SQL's "
                    "from the last of those on, name that in SQL_SINCE.",
                    label=label,
                )
            )
    _refuse_together(request)
    draft, scope, known = _compared(request)
    files = _written(request, draft, scope, known) if draft.up and not request.check else ()
    return GenerateResult(
        database=request.database,
        changes=_changes(draft),
        made=files[0] if files else None,
        more=tuple(files[1:]),
        loses=tuple(one.loses for one in draft.up if one.loses),
        offered=tuple(map(str, draft.offered)),
        warnings=tuple(_warnings(request, draft, scope, known)),
        notes=tuple(text for text in [in_words(draft.names)] if text),
    )


def _refuse_together(request: Request) -> None:
    """Raise PlanError for options that ask for more than the names that are to be given."""
    others = {"--rename": request.renames, "--drop-tables": request.drop_tables, "--online": request.online}
    for option, given in others.items():
        if given and request.rename_constraints:
            raise PlanError(
                N_(
                    "--rename-constraints writes a file of names alone: generate with {option} before it.",
                    option=option,
                )
            )


def compare_models(label: str, database: str, interruption: Interruption) -> tuple[str, ...]:
    """What differs between the models of an app and its tables, in words.

    Raises as `generate` does, and StopRequested.
    """
    return _changes(_compared(Request(apps=(label,), check=True, database=database), interruption)[0])


def _compared(request: Request, interruption: Interruption | None = None) -> tuple[Draft, Scope, Known]:
    """What would bring the tables of apps to their models, what was compared, and the migrations."""
    migrations, _ = from_sources(request.listener)
    with open_session(request.database, interruption) as session:
        known = read_known(History(session), migrations)
        for label in request.apps:
            _refuse_unfinished(known, label, request.database)
            _refuse_unfinished_past(session, label)
        scope = _scope(session, request, known)
        return make_draft(session, request, scope), scope, known


def _changes(draft: Draft) -> tuple[str, ...]:
    names = (one for file in draft.files for one in file.names)
    return *(f"rename {rename}" for rename in (*draft.renames, *names)), *map(_in_words, draft.changes)


def _scope(session: Session, request: Request, known: Known) -> Scope:
    """What of apps is compared, by their models, their migrations and the settings."""
    wanted = wanted_by(request.apps, session.connection)
    _refuse_elsewhere(session, wanted)
    ignore = conf.get_settings().ignore
    kept = {label: _keep_globs(known.migrations, label) for label in request.apps}
    extra = {
        table: label
        for label in reversed(request.apps)
        for table in _left_over(session, request, label, (*ignore, *kept[label]))
    }
    own = {model._meta.db_table: model._meta.app_label for model in wanted.models}
    others = {model._meta.db_table: request.apps[0] for model in wanted.extended}
    return Scope(wanted, ignore, tuple(extra), owners={**extra, **others, **own}, kept=kept, coming=_coming(known))


def _coming(known: Known) -> frozenset[str]:
    """The tables of models that come by themselves: by a Django migration, or as a pending migration names them."""
    pending: dict[str, str] = {}
    for one in known.pending():
        pending[one.id.app] = pending.get(one.id.app, "") + Path(one.file).read_text(errors="replace")
    by_django = {label for label in apps.app_configs if django_migrations(label)} - taken_over().keys()
    made = MigrationLoader(None).project_state().models.keys()
    past = tables_of_past()
    return frozenset(
        options.db_table
        for options in (model._meta for model in apps.get_models(include_auto_created=True))
        if (options.app_label in by_django and options.auto_created)
        or (options.app_label in by_django and (options.app_label, options.model_name) in made)
        or options.db_table in past
        or mentions(pending.get(options.app_label, ""), options.db_table)
    )


class _File(NamedTuple):
    """A file that is to be written for the app `label`; `text` takes the ids of those before it."""

    label: str
    name: str
    text: Callable[[Sequence[MigrationId]], str]
    python: bool = False


def _written(request: Request, draft: Draft, scope: Scope, known: Known) -> Sequence[MadeFile]:
    """Write the files, or with `dry_run` only say what they would be; what is wrong with one is told before any is."""
    if draft.stages is None:
        planned = [_of_app(request, draft, one, scope, known) for one in draft.files]
    else:
        planned = list(_of_stages(request, draft, draft.stages, scope, known))
    files = list(_made(planned, request.timestamp, dry_run=True))
    return files if request.dry_run else list(_made(planned, files[0].id.timestamp, dry_run=False))


def _made(planned: Iterable[_File], timestamp: str | None, *, dry_run: bool) -> Iterator[MadeFile]:
    """The files, a second apart."""
    before: list[MigrationId] = []
    for one in planned:
        made = make(
            one.label,
            one.name,
            timestamp=next_timestamp(before, datetime.fromtimestamp(0, UTC)) if before else timestamp,
            dry_run=dry_run,
            text=one.text(before),
            python=one.python,
        )
        before.append(made.id)
        yield made


def _of_app(request: Request, draft: Draft, file: AppFile, scope: Scope, known: Known) -> _File:
    """The file of one app for its part of a draft."""
    label = file.label
    part = replace(
        draft,
        renames=file.renames,
        changes=file.changes,
        up=file.up,
        down=file.down,
        referred=file.referred,
        offered=tuple(one for one in draft.offered if scope.owners.get(one.table or one.new, label) == label),
    )
    standing = [one for one in draft.standing if scope.owners.get(one.place.partition(".")[0], label) == label]
    drops = () if file.ending else makers_of(standing, known).ids

    def text(before: Sequence[MigrationId]) -> str:
        depends = _depends(part, label, [*_running(known), *before])
        return _read_back(file_text(label, part, depends, _kept_after_renames(part, scope), drops), part)

    name = request.name or ("rename_constraints" if file.names else derived_name(part))
    return _File(label, f"{name}_{file.ending}" if request.name and file.ending else name, text)


def _of_stages(request: Request, draft: Draft, stages: Stages, scope: Scope, known: Known) -> Iterator[_File]:
    """The files of an app for the releases that a draft takes, each with what its name ends with."""
    (label,), name = request.apps, request.name or derived_name(draft)
    depends = _depends(draft, label, _running(known))
    drops = makers_of(draft.standing, known).ids
    if drops:
        raise PlanError(
            N_(
                "{ids}: in the way of what changes, and made by a repeatable migration, which "
                "would have to go meanwhile; statement by statement, others would be without it. Nothing was written. "
                "Leave out --online: then it goes in the transaction of the change.",
                ids=", ".join(map(str, drops)),
            )
        )
    before, after = (replace(draft, up=one.up, down=one.down) for one in (stages.before, stages.after))
    if before.up:
        text = _read_back(file_text(label, before, depends, option=_ALONE), before)
        yield _File(label, name, lambda _: text)
    if stages.fills:
        yield _File(label, f"{name}_{_FILL}", lambda _: fill_text(label, stages.fills, depends), python=True)
    if after.up:
        after = replace(after, offered=() if before.up or stages.fills else after.offered)
        last = _read_back(file_text(label, after, depends, option=_ALONE, phase=_AFTER), after)
        yield _File(label, f"{name}_{_AFTER}", lambda _: last)


def _running(known: Known) -> list[MigrationId]:
    """The ids of the migrations that others can depend on and that run, in their order."""
    return [one.id for one in known.migrations if one.id not in known.disabled and not one.is_repeatable]


def _kept_after_renames(draft: Draft, scope: Scope) -> list[str]:
    """The globs that keep what they keep today under new names."""
    tables = {rename.old: rename.new for rename in draft.renames if not rename.table}
    were = {new: old for old, new in tables.items()}
    columns = {
        (were.get(rename.table, rename.table), rename.old): (rename.table, rename.new)
        for rename in draft.renames
        if rename.table
    }
    globs = [glob for name in [*tables, *(table for table, _ in columns)] for glob in scope.globs(name)]
    return globs_after_renames(dict.fromkeys(globs), tables, columns)


def _warnings(request: Request, draft: Draft, scope: Scope, known: Known) -> Iterator[str]:
    """What somebody should know of the comparison, whether or not there is a difference."""
    for label in request.apps:
        yield from _switched_off(known, label)
    made = {change.table for change in draft.changes if change.op == "create" and isinstance(change.new, Table)}
    extending = (model for table, model in scope.wanted.tables.items() if table in made)
    yield from warnings_of_parents(extending, request.apps)
    yield from map(str, makers_of(draft.standing, known).others)
    yield from draft.warnings
    unclaimed = sorted({*scope.extra_tables} - {rename.old for rename in draft.renames})
    if unclaimed and not request.drop_tables:
        yield N_(
            "No model has {tables} any more. To drop that, generate with --drop-tables.", tables=", ".join(unclaimed)
        )
    fills = draft.stages.fills if draft.stages else ()
    notes = (text for one in draft.up for text in (one.note, *one.rewrites))
    yield from dict.fromkeys(text for text in (*notes, *(one.note for one in fills)) if text)
    yield from (N_("In the down part: {note}", note=one.note) for one in draft.down if one.is_unfinished)


def _refuse_unfinished(known: Known, label: str, database: str) -> None:
    """Raise PlanError unless all of the app's migrations are applied: what they would do would be generated again."""
    waiting = [str(one.id) for one in (*known.pending(), *known.changed()) if one.id.app == label]
    if waiting:
        raise PlanError(
            N_(
                "{ids}: not applied as it is now in the database {database!r}, so what it does "
                "would be generated once more. Run migrations_run {label} first.",
                ids=", ".join(waiting),
                database=database,
                label=label,
            )
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
            N_(
                "{label}.{last}, the last of the app's Django migrations, is not applied in the database "
                "{database!r}, so what they make would be generated once more. Run `migrate {label} {last}` first.",
                label=label,
                last=last,
                database=session.alias,
            )
        )


def _switched_off(known: Known, label: str) -> list[str]:
    """Warnings that name the app's migrations that do not run."""
    return [
        N_(
            "{id} does not run: its feature, or that of one it depends on, is off. What it makes may be generated "
            "once more, and then it fails when the feature is on.",
            id=one.id,
        )
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
            N_(
                "{tables}: in another schema of the search_path than the first, which is the "
                "one that is compared. Put that schema first, for example by OPTIONS of this database.",
                tables=", ".join(name for (name,) in rows),
            )
        )


def _keep_globs(migrations: Iterable[Migration], label: str) -> list[str]:
    """The globs that the app's migrations have in migrate:keep."""
    return [glob for migration in migrations if migration.id.app == label for glob in migration.keep]


def _depends(draft: Draft, label: str, ids: Sequence[MigrationId]) -> list[str]:
    """The latest of `ids` of the other apps whose tables change, or new foreign keys refer to."""
    models = [model._meta for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]
    owners = {options.db_table: options.app_label for options in models}
    tables = {*draft.referred, *(change.table for change in draft.changes)}
    labels = {owners[table] for table in tables if table in owners} - {label}
    over = taken_over()
    by_django = {label for label in labels if django_migrations(label)} - over.keys()
    found = [
        next((str(id_) for id_ in reversed(ids) if id_.app == other), _end_of_past(other, over))
        for other in labels - by_django
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
            raise NotProven(N_("The file that was generated is not read as it was meant. Nothing was written."))
    return text


def _in_words(change: Change) -> str:
    """A change as a result tells it, such as `create blog_post.title`."""
    return f"{change.op} {change.table}" + ("" if change.thing.name == change.table else f".{change.thing.name}")
