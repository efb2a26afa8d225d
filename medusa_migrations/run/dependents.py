"""Django's applied migrations that stand on what SQL migrations made."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from django.apps import apps
from django.db.migrations import Migration as DjangoMigration
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import ModelOperation

from medusa_migrations.database.destination import options_for
from medusa_migrations.database.history import lets_in
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DistError, PlanError
from medusa_migrations.files import dist
from medusa_migrations.files.owned import owned, taken_over
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Key, MigrationId
from medusa_migrations.plan.known import Known, Row
from medusa_migrations.plan.steps import Step

from .prerequisites import applied_by_django, apps_named, has_django_history, in_database, loaded


def refuse_needed(steps: Sequence[Step], known: Known, session: Session) -> None:
    """Raise PlanError if an applied migration of Django's needs an SQL migration that `steps` would revert.

    Django's migrations are loaded only where some are applied.
    """
    reverted = {step.id for step in steps if not step.forgets}
    by_sql = owned({id_.app for id_ in reverted})
    if not by_sql or not has_django_history(session):
        return
    loader = loaded()
    applied = applied_by_django(session, loader)
    needed: dict[Key, MigrationId] = {}
    for key in sorted(applied & loader.disk_migrations.keys()):
        migration = loader.disk_migrations[key]
        if not lets_in(session.where, key[0]):
            continue  # it is recorded, and has made nothing here
        found = {
            id_ for label in apps_named(migration) & by_sql - {key[0]} for id_ in _needed(migration, label, known)
        } & reverted
        if found and all(label != key[0] for label, _ in needed):  # unapplying an app's first takes its others along
            needed[key] = min(found)
    if needed:
        raise PlanError(_message(needed, loader.disk_migrations, options_for(session.alias)))


def _needed(migration: DjangoMigration, label: str, known: Known) -> set[MigrationId]:
    """The applied SQL migrations of the app `label` that one of Django's, which depends on that app, needs.

    Those that make the tables of the models that it refers to. Where none is found to, as of a file that is gone or for
    a RunPython, it is the app's first, which is what Django's `("blog", "__first__")` says; of an app that was taken
    over it is none, as its Django migrations have made the table.
    """
    rows = sorted((row for row in known.rows.values() if row.id.app == label), key=lambda row: row.serial)
    tables = _tables(migration, label)
    makers = {row.id for row in rows if makes_one(_text(row, known), tables)} if tables else set()
    return makers or (set() if label in taken_over() else {row.id for row in rows[:1]})


def _tables(migration: DjangoMigration, label: str) -> set[str]:
    """The tables of those models of the app `label` that one of Django's refers to."""
    operations = [one for one in in_database(migration.operations) if isinstance(one, FieldOperation | ModelOperation)]
    return {
        model._meta.db_table
        for model in apps.get_app_config(label).get_models()
        if any(operation.references_model(model.__name__, label) for operation in operations)
    }


def _text(row: Row, known: Known) -> str:
    """The file of an applied migration; nothing if it is gone, or is not what was built."""
    migration = known.by_id.get(row.id)
    try:
        return dist.read_text(migration) if migration else ""
    except DistError:
        return ""


def makes_one(text: str, tables: Collection[str]) -> bool:
    """Whether an SQL or Python file has a statement or call that makes one of `tables`."""
    names = "|".join(re.escape(table.rpartition('"."')[2].strip('"')) for table in tables)
    sql = rf'\bcreate\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?(?:[^\s.(]+\.)?"?(?:{names})"?(?![\w$])'
    call = rf"\bcreate_table\(\s*[\"'](?:[^\"'.]+\.)?(?:{names})[\"']"
    return re.search(f"{sql}|{call}", text, re.IGNORECASE) is not None


def _message(needed: Mapping[Key, MigrationId], migrations: Mapping[Key, DjangoMigration], option: str) -> str:
    lines = [N_("  {label}.{name} needs {id}", label=label, name=name, id=id_) for (label, name), id_ in needed.items()]
    commands = [f"`migrate {key[0]} {_before(key, migrations[key])}{option}`" for key in needed]
    return joined(
        "\n",
        [
            N_("Django migrations that are applied need what would be reverted; nothing was reverted:"),
            *lines,
            N_("Unapply them first: {commands}.", commands=", ".join(commands)),
        ],
    )


def _before(key: Key, migration: DjangoMigration) -> str:
    """What `migrate` is to go back to, so that one of Django's is unapplied."""
    return next((name for label, name in migration.dependencies if label == key[0]), "zero")
