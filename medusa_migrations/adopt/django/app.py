"""The import from Django from its door on: what there is, what of it is imported already, and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from django.apps import AppConfig, apps
from django.db import router
from django.db.migrations.loader import MigrationLoader

from medusa_migrations.errors import MigrationError, PlanError
from medusa_migrations.files.mend import line_of_dependency
from medusa_migrations.files.sources import is_installed_package, source_files
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId
from medusa_migrations.results import ImportPlace

from ..draft import Converted, Draft
from ..names import names_of, slug
from ..request import Request
from ..tool import Theirs
from ..tools import DJANGO
from .convert import bare
from .graph import imported_as, load, naming, own_order, turned_on
from .history import history_of
from .lines import Lines


def from_django(request: Request, app: AppConfig) -> Theirs:
    """The Django migrations of the app that `request.source` is the label of, to become those of `app`.

    The draft of one that is there already has no text: nothing is done for it. Raises MigrationError.
    """
    label = request.source
    with turned_on(label):
        loader = load()
        names = own_order(loader, label)
        drafts = [bare(loader.graph.nodes[label, name], imported_as((app.label, name))) for name in names]
        ids = [MigrationId(app.label, name) for name in names_of(drafts)]
        there = {file.id for file in source_files()}
        new = {draft.key: id_ for draft, id_ in zip(drafts, ids, strict=True) if id_ not in there}
        _refuse_squashed_since(loader, app, label, new)
        converted = _taken(request, label, drafts, new)
        in_sql = {f"{label}.{name}": id_ for name, id_ in zip(names, ids, strict=True)} | {label: ids[-1]}
        places = (*converted.places, *_places_elsewhere(loader, label), *_places_in_sql(in_sql))
        return Theirs(DJANGO, history_of(loader, label), converted._replace(places=places))


def _taken(request: Request, label: str, drafts: list[Draft], new: dict[str, MigrationId]) -> Converted:
    if not new:
        return Converted(tuple(drafts))
    _refuse_routed(request.database, label)
    from .chain import take  # only what is new needs a scratch database

    taken = take(request, label, new)
    return Converted(tuple(taken.drafts.get(one.key, one) for one in drafts), taken.places, taken.differences)


def _refuse_routed(alias: str, label: str) -> None:
    if not router.allow_migrate(alias, label):
        raise PlanError(
            N_(
                "DATABASE_ROUTERS keep the app {app!r} out of the database {database!r}, so Django sends nothing "
                "there. Nothing was imported. Give another with --database.",
                app=label,
                database=alias,
            )
        )


def _refuse_squashed_since(loader: MigrationLoader, app: AppConfig, label: str, new: dict[str, MigrationId]) -> None:
    """Raise MigrationError for a new squashed migration some of which were imported before it was made."""
    there = {file.id.name[15:]: file.id for file in source_files() if file.id.app == app.label}
    for key in new:
        squash = loader.replacements.get((label, key))
        for _, name in squash.replaces if squash else ():
            if slug(name) in there:
                raise MigrationError(
                    N_(
                        "{app}.{squashed} replaces {name}, which is imported already, as {id}: the two would make the "
                        "same. Nothing was imported. Take the squashed migration out again; those that it replaces "
                        "are what databases have.",
                        app=label,
                        squashed=key,
                        name=name,
                        id=there[slug(name)],
                    )
                )


def _places_elsewhere(loader: MigrationLoader, label: str) -> Iterator[ImportPlace]:
    """What has to be changed in other apps of the project before this one's Django migrations go."""
    for migration, name in naming(loader, label):
        if not is_installed_package(apps.get_app_config(migration.app_label)):
            lines = Lines(migration)
            message = N_(
                "it names {app}.{name}, which Django will not find when {app} has no Django migrations: import this "
                'app as well, or write ("{app}", "__first__") here when MIGRATION_MODULES turns those off, which then '
                "stands for all of its SQL migrations.",
                app=label,
                name=name,
            )
            yield ImportPlace(lines.path, lines.naming(name), message)


def _places_in_sql(ids: Mapping[str, MigrationId]) -> Iterator[ImportPlace]:
    """What is to be changed in SQL migrations that depend on Django's: those are in SQL as `ids` has them."""
    for file in source_files():
        data = b"" if is_installed_package(apps.get_app_config(file.id.app)) else Path(file.file).read_bytes()
        for name, id_ in ids.items():
            line = line_of_dependency(data, file.cited, name) if name.encode() in data else None
            if line is not None:
                message = N_(
                    "it depends on {name}, of Django's migrations, which no build will find when MIGRATION_MODULES "
                    "turns those off: write {id} then, which is the same in SQL.",
                    name=name,
                    id=id_,
                )
                yield ImportPlace(file.cited, line, message)
