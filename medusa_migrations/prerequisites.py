"""Django's own migrations that SQL migrations depend on."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.migrations.exceptions import BadMigrationError, CircularDependencyError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader

from .errors import PlanError
from .ordering import django_dependencies
from .plan import Step
from .session import Session


def check_applied(steps: Sequence[Step], session: Session) -> None:
    """Raise PlanError if one of `steps` depends on a migration of Django's that is not applied."""
    needed = [
        (step, label, name) for step in steps if step.migration for label, name in django_dependencies(step.migration)
    ]
    if not needed:
        return
    try:
        loader = MigrationLoader(None)
    except (BadMigrationError, CircularDependencyError, NodeNotFoundError) as error:
        raise PlanError(
            f"Django's migrations cannot be loaded: {error}. Nothing was run. See `showmigrations`."
        ) from None
    applied = _applied(session, loader)
    missing = [
        f"  {step.id} depends on {label}.{found}"
        for step, label, name in needed
        for found in _resolve(loader, step, label, name)
        if (label, found) not in applied
    ]
    if missing:
        raise PlanError(
            "Django migrations that are not applied come first; nothing was run:\n"
            + "\n".join(missing)
            + "\nRun `migrate`."
        )


def _applied(session: Session, loader: MigrationLoader) -> set[tuple[str, str]]:
    """Django's history; a squashed migration counts when all that it replaces is there."""
    if session.query("SELECT pg_catalog.to_regclass('django_migrations')")[0][0] is None:
        return set()
    applied = set(session.query("SELECT app, name FROM django_migrations"))
    squashed = {key for key, migration in loader.replacements.items() if applied.issuperset(migration.replaces)}
    return applied | squashed


def _resolve(loader: MigrationLoader, step: Step, label: str, name: str | None) -> list[str]:
    """The names that a dependency stands for: itself, or the app's latest."""
    if label not in loader.migrated_apps:
        raise PlanError(
            f"{step.id} depends on {label}, which has no Django migrations. Name one of its SQL migrations, as "
            f"{label}.<timestamp>_<name>."
        )
    if name is None:
        return [leaf for _, leaf in loader.graph.leaf_nodes(label)]
    if (label, name) not in loader.disk_migrations:
        raise PlanError(f"{step.id} depends on {label}.{name}, which is no migration of {label}.")
    return [name]
