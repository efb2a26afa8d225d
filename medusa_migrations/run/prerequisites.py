"""Django's own migrations that SQL migrations depend on."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.migrations.exceptions import BadMigrationError, CircularDependencyError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader

from medusa_migrations import conf
from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError, nearest
from medusa_migrations.migration import Key, Migration, django_dependencies
from medusa_migrations.plan.steps import Step


def check_applied(steps: Sequence[Step], session: Session) -> None:
    """Raise PlanError if one of `steps` depends on a migration of Django's that is not applied."""
    waiting = [step.migration for step in steps if step.migration and django_dependencies(step.migration)]
    if not waiting:
        return
    try:
        loader = MigrationLoader(None)
    except (BadMigrationError, CircularDependencyError, NodeNotFoundError) as error:
        raise PlanError(
            f"Django's migrations cannot be loaded: {error}. Nothing was run. See `showmigrations`."
        ) from None
    applied = _applied(session, loader)
    missing = [
        f"  {migration.id} depends on {label}.{name}"
        for migration in waiting
        for label, name in named(loader, migration)
        if (label, name) not in applied
    ]
    if missing:
        both = conf.get_settings().run_on_migrate
        raise PlanError(
            "Django migrations that are not applied come first; nothing was run:\n"
            + "\n".join(missing)
            + ("\nRun `migrate`: it applies both kinds, in order." if both else "\nRun `migrate` first.")
        )


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
                f"{migration.source}: {migration.id} depends on {label}, which has no Django migrations. Name one of "
                f"its SQL migrations, as {label}.<timestamp>_<name>."
            )
        if name is None:
            found += latest
        elif (label, name) in loader.disk_migrations or (label, name) in replaced:
            found.append((label, name))
        else:
            names = [one for app, one in {*loader.disk_migrations, *replaced} if app == label]
            raise PlanError(
                f"{migration.source}: {migration.id} depends on {label}.{name}, which is no migration of "
                f"{label}.{nearest(name, names)}"
            )
    return found


def _applied(session: Session, loader: MigrationLoader) -> set[Key]:
    """Django's history; a squashed migration counts when all that it replaces is there, and the other way round."""
    if session.query("SELECT pg_catalog.to_regclass('django_migrations')")[0][0] is None:
        return set()
    applied = set(session.query("SELECT app, name FROM django_migrations"))
    squashed = {key for key, migration in loader.replacements.items() if applied.issuperset(migration.replaces)}
    replaced = {
        key
        for squash in (applied | squashed) & loader.replacements.keys()
        for key in loader.replacements[squash].replaces
    }
    return applied | squashed | replaced
