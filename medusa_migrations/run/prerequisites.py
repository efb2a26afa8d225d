"""Django's own migrations: those that SQL migrations depend on, and which of them are applied."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from django.db.migrations import Migration as DjangoMigration
from django.db.migrations import SeparateDatabaseAndState
from django.db.migrations.exceptions import BadMigrationError, CircularDependencyError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from medusa_migrations import conf
from medusa_migrations.database.connect import shared_schema
from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError, nearest
from medusa_migrations.files.past import check_past
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Key, Migration, MigrationId, django_dependencies
from medusa_migrations.plan.steps import Step
from medusa_migrations.sql.names import quoted

_CURE_OF_TARGET = N_("Have Django's own run there first: with django-tenants that is migrate_schemas.")


def check_applied(steps: Sequence[Step], session: Session, *, fake: bool = False) -> None:
    """Raise PlanError if one of `steps` depends on a migration of Django's that is not applied.

    With `fake` the message names no command that would run the SQL.
    """
    waiting = [step.migration for step in steps if step.migration and django_dependencies(step.migration)]
    if not waiting:
        return
    loader = loaded()
    applied = applied_by_django(session, loader)
    missing = [
        (migration.id, label, name)
        for migration in waiting
        for label, name in named(loader, migration)
        if (label, name) not in applied
    ]
    if missing:
        lines = [N_("  {id} depends on {label}.{name}", id=id_, label=label, name=name) for id_, label, name in missing]
        raise PlanError(
            joined(
                "\n",
                [
                    N_("Django migrations that are not applied come first; nothing was run:"),
                    *lines,
                    _cure(missing, fake) if session.target is None else _CURE_OF_TARGET,
                ],
            )
        )


def _cure(missing: Collection[tuple[MigrationId, str, str]], fake: bool) -> str:
    if not conf.get_settings().run_on_migrate:
        return N_("Run `migrate` first.")
    if not fake:
        return N_("Run `migrate`: it applies both kinds, in order.")
    # An app's label alone would run the SQL migrations of the app, too.
    of_sql = {id_.app for id_, _, _ in missing}
    wanted = {f"{label} {name}" if label in of_sql else label for _, label, name in missing}
    commands = ", ".join(f"`migrate {one}`" for one in sorted(wanted))
    return N_("Run {commands} first. `migrate` alone would run the SQL too.", commands=commands)


def loaded() -> MigrationLoader:
    """Django's migrations as they are in the files. Raises PlanError if they cannot be loaded, SettingsError."""
    try:
        loader = MigrationLoader(None)
    except (BadMigrationError, CircularDependencyError, NodeNotFoundError) as error:
        raise PlanError(
            N_(
                "Django's migrations cannot be loaded: {error}. Nothing was run. See `showmigrations`.",
                error=str(error),
            )
        ) from None
    check_past(loader.disk_migrations)
    return loader


def named(loader: MigrationLoader, migration: Migration) -> list[Key]:
    """Django's migrations that the header of `migration` names; an app stands for its latest.

    Raises PlanError for a name that Django does not know.
    """
    found: list[Key] = []
    replaced = {key for squash in loader.replacements.values() for key in squash.replaces}
    for label, name in django_dependencies(migration):
        latest = loader.graph.leaf_nodes(label)
        if not latest:
            raise PlanError(
                N_(
                    "{path}: {id} depends on {label}, which has no Django migrations. Name one of its SQL migrations, "
                    "as {label}.<timestamp>_<name>.",
                    path=migration.source,
                    id=migration.id,
                    label=label,
                )
            )
        if name is None:
            found += latest
        elif (label, name) in loader.disk_migrations or (label, name) in replaced:
            found.append((label, name))
        else:
            names = [one for app, one in {*loader.disk_migrations, *replaced} if app == label]
            raise PlanError(
                N_(
                    "{path}: {id} depends on {label}.{name}, which is no migration of {label}.{hint}",
                    path=migration.source,
                    id=migration.id,
                    label=label,
                    name=name,
                    hint=nearest(name, names),
                )
            )
    return found


def apps_named(migration: DjangoMigration) -> set[str]:
    """The labels of the apps that one of Django's depends on; of an app made by SQL it can name no migration."""
    return {label for label, _ in migration.dependencies}


def in_database(operations: Iterable[Operation]) -> Iterator[Operation]:
    """The operations on the database, those inside others too."""
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from in_database(operation.database_operations)
        else:
            yield operation


def has_django_history(session: Session) -> bool:
    """Whether Django has recorded a migration in this database, or for this schema."""
    table = _table(session)
    return table is not None and bool(session.query(f"SELECT EXISTS (SELECT FROM {table})")[0][0])


def _table(session: Session) -> str | None:
    """The name of Django's history, None if there is none: that of a schema is its own, else that which all share."""
    name, schema = "django_migrations", session.schema
    names = [name] if schema is None else [f"{quoted(schema)}.{name}", f"{quoted(shared_schema())}.{name}"]
    found = (one for one in names if session.query("SELECT pg_catalog.to_regclass(%s)", [one])[0][0] is not None)
    return next(found, None)


def applied_by_django(session: Session, loader: MigrationLoader) -> set[Key]:
    """Django's history; a squashed migration counts when all that it replaces is there, and the other way round."""
    table = _table(session)
    applied = set(session.query(f"SELECT app, name FROM {table}")) if table else set()
    if not applied:
        return set()
    squashed = {key for key, migration in loader.replacements.items() if applied.issuperset(migration.replaces)}
    replaced = {
        key
        for squash in (applied | squashed) & loader.replacements.keys()
        for key in loader.replacements[squash].replaces
    }
    return applied | squashed | replaced
