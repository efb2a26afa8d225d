"""Django's migrations of one app as its loader has them: their order, and what they need of other apps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from django.apps import apps
from django.conf import settings
from django.db.migrations import Migration as DjangoMigration
from django.db.migrations.exceptions import NodeNotFoundError
from django.db.migrations.loader import MIGRATIONS_MODULE_NAME, MigrationLoader

from medusa_migrations.errors import MigrationError, PlanError, no_app
from medusa_migrations.files.owned import django_migrations
from medusa_migrations.files.sources import source_files
from medusa_migrations.messages import N_
from medusa_migrations.migration import Key, MigrationId

from ..names import slug

# What a migration of Django's may name of an app that has none.
_ANY = ("__first__", "__latest__")


@contextlib.contextmanager
def turned_on(label: str) -> Iterator[None]:
    """While this lasts, the app has its Django migrations, also where MIGRATION_MODULES has None for it.

    That setting is what every loader reads, those of Django's own code too, so it is that which is changed. So have
    those apps that `load` finds it to need. Raises PlanError for an app that is not there or has no Django migrations.
    """
    if label not in apps.app_configs:
        raise no_app(label, apps.app_configs)
    before = settings.MIGRATION_MODULES
    module = _turn_on(label)
    try:
        if not django_migrations(label):
            raise PlanError(
                N_(
                    "The app {app!r} has no Django migrations: {module} has none. Nothing was imported.",
                    app=label,
                    module=module,
                )
            )
        yield
    finally:
        settings.MIGRATION_MODULES = before


def _turn_on(label: str) -> str:
    """Have the app turned on where MIGRATION_MODULES turns it off; gives the name of its package of migrations."""
    given = settings.MIGRATION_MODULES
    module: str = given.get(label) or f"{apps.get_app_config(label).name}.{MIGRATIONS_MODULE_NAME}"
    settings.MIGRATION_MODULES = {**given, label: module}
    return module


def _is_off(label: str) -> bool:
    return label in apps.app_configs and settings.MIGRATION_MODULES.get(label, "") is None


def load() -> MigrationLoader:
    """Django's migrations as they are in the files, to be called while an app is `turned_on`.

    An app that is turned off, and of which they name a migration, is turned on as well: one that was imported too.
    Raises MigrationError if they cannot be loaded.
    """
    try:
        return MigrationLoader(None)
    except Exception as error:  # the author's code
        if isinstance(error, NodeNotFoundError) and _is_off(error.node[0]):
            _turn_on(error.node[0])
            return load()
        raise MigrationError(
            N_(
                "Django's migrations cannot be loaded: {kind}: {error}. Nothing was imported. See `showmigrations`.",
                kind=type(error).__name__,
                error=str(error),
            )
        ) from error


def own_order(loader: MigrationLoader, label: str) -> list[str]:
    """The names of an app's migrations in the order in which Django applies them."""
    return [name for app, name in all_needed(loader, label) if app == label]


def all_needed(loader: MigrationLoader, label: str) -> list[Key]:
    """An app's migrations, and those of others that they need, in Django's order.

    Those of other apps that come later do not change it, as the order of all migrations might.
    """
    plans = (loader.graph.forwards_plan(leaf) for leaf in loader.graph.leaf_nodes(label))
    return list(dict.fromkeys(key for plan in plans for key in plan))


def imported_as(key: Key) -> MigrationId | None:
    """The SQL migration of the same app that one of Django's was imported as."""
    ids = [file.id for file in source_files() if file.id.app == key[0] and not file.id.is_repeatable]
    return next((id_ for id_ in ids if id_.name[15:] == slug(key[1])), None)


def is_import(loader: MigrationLoader, id_: MigrationId) -> bool:
    """Whether an SQL migration was imported from one of the Django migrations that its app has still."""
    return any(app == id_.app and slug(name) == id_.name[15:] for app, name in loader.disk_migrations or ())


def others_needed(loader: MigrationLoader, key: Key) -> list[str]:
    """What the header of a migration says that it depends on: of other apps, in SQL where that is there."""
    parents = sorted(parent.key for parent in loader.graph.node_map[key].parents if parent.key[0] != key[0])
    found = [str(imported_as(parent) or ".".join(parent)) for parent in parents]
    named = dict.fromkeys(label for label, _ in loader.graph.nodes[key].dependencies)
    return [*found, *(str(last) for label in named if (last := _last_of(label)))]


def _last_of(label: str) -> MigrationId | None:
    """The last SQL migration of an app that has no Django migrations: `__first__` stands for all of them there."""
    if label not in apps.app_configs or django_migrations(label):
        return None
    ids = [file.id for file in source_files() if file.id.app == label and not file.id.is_repeatable]
    return max(ids, key=lambda id_: id_.sort_key, default=None)


def naming(loader: MigrationLoader, label: str) -> Iterator[tuple[DjangoMigration, str]]:
    """The migrations of other apps that name one of the app's, which they cannot once those are gone, and its name."""
    for key, migration in sorted((loader.disk_migrations or {}).items()):
        named: Sequence[Key] = [*migration.dependencies, *migration.run_before]
        for app, name in dict.fromkeys(named):
            if app == label != key[0] and name not in _ANY:
                yield migration, name
