"""The SQL of the one migration that sqlmigrate is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.apps import apps

from medusa_migrations import conf
from medusa_migrations.database.connect import open_session
from medusa_migrations.errors import PlanError
from medusa_migrations.files.build import to_run
from medusa_migrations.files.dist import read_part
from medusa_migrations.files.owned import django_migrations
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Migration

from .concern import is_left_to_django


class Shown(NamedTuple):
    """What would be sent; `transactional` tells whether it has a transaction around it."""

    sql: str
    transactional: bool


def sql_of(label: str, name: str, direction: Direction, alias: str) -> Shown | None:
    """The SQL of the migration of the app `label` that `name` names or begins; None if that is not an SQL migration.

    Raises PlanError for a name that does not say which, and for an irreversible one.
    """
    if label not in apps.app_configs or is_left_to_django(alias):
        return None
    migration = named(label, name, to_run(only_plan=True), django_migrations(label) or ())
    if migration is None:
        return None
    part = migration.part(direction)
    if part is None:
        down = "down(schema)" if migration.is_python else "`-- migrate:down`"
        raise PlanError(
            N_("{id} is irreversible: {source} has no {down}.", id=migration.id, source=migration.source, down=down)
        )
    text = read_part(migration, part)
    sql = _of_python(migration, text, direction, alias) if migration.is_python else ended(text)
    transactional = conf.get_settings().transaction != "none" if part.transaction is None else part.transaction
    return Shown(sql, transactional)


def named(label: str, name: str, migrations: Sequence[Migration], others: Sequence[str]) -> Migration | None:
    """The SQL migration that `name`, its name or how that begins, means among those of the app and `others`, Django's.

    None where it can only be one of Django's. Raises PlanError, in Django's words, where it may be several, and where
    it is none and Django has none of the app.
    """
    mine = {migration.id.name: migration for migration in migrations if migration.id.app == label}
    if not mine or name in mine or name in others:
        return mine.get(name)
    found = [one for one in (*mine, *others) if one.startswith(name)]
    if len(found) > 1 and not mine.keys().isdisjoint(found):
        raise PlanError(
            N_(
                "More than one migration matches '{name}' in app '{label}'. Please be more specific.",
                name=name,
                label=label,
            )
        )
    if not (found or others):
        raise PlanError(N_("Cannot find a migration matching '{name}' from app '{label}'.", name=name, label=label))
    return mine.get(found[0]) if found else None


def _of_python(migration: Migration, text: str, direction: Direction, alias: str) -> str:
    from medusa_migrations.files.pyfile import load  # few need it, and it brings the migration API along
    from medusa_migrations.run.python.preview import preview

    function = load(text, migration.source, migration.file, direction)
    with open_session(alias) as session:
        return preview(function, session.connection)


def ended(sql: str) -> str:
    """`sql` with a semicolon behind its last statement, for what follows."""
    from medusa_migrations.sql.scanner import split

    statements = split(sql)
    if not statements or statements[-1].data or sql[statements[-1].end :].lstrip().startswith(";"):
        return sql.strip()
    return f"{sql.strip()}\n;"
