"""Foreign keys that are left out: to a table that is not there and that nothing makes, and to one in another schema."""

from __future__ import annotations

from typing import Any

from django.db.models import Field

from medusa_migrations.database.session import Session
from medusa_migrations.files.owned import owned
from medusa_migrations.messages import N_

from .remade import Place
from .scope import Scope
from .wanted import has_key, target_of

_MISSING = """
SELECT name FROM pg_catalog.unnest(%s::text[]) name WHERE pg_catalog.to_regclass(pg_catalog.quote_ident(name)) IS NULL
"""


def keys_left_out(session: Session, scope: Scope) -> dict[Place, str]:
    """The foreign keys of the models, by table and column, that no migration of now can make, and what to say of each.

    What refers to a table of the app, or to one of `scope.coming`, can be made.
    """
    keys = {place: field for place, field in scope.wanted.fields.items() if has_key(field)}
    targets = {place: target_of(field)._meta.db_table for place, field in keys.items()}
    unknown = sorted({*targets.values()} - {*scope.wanted.tables, *scope.coming})
    missing = {name for (name,) in session.query(_MISSING, [unknown])}
    return {
        place: _elsewhere(keys[place]) if '"' in table else _not_there(keys[place])
        for place, table in targets.items()
        if '"' in table or table in missing
    }


def _elsewhere(field: Field[Any, Any]) -> str:
    table = target_of(field)._meta.db_table
    return N_(
        "{model}.{field} refers to {table}, whose db_table names a schema: its foreign key is "
        "left out. Write it by hand; it is not compared.",
        model=field.model._meta.label,
        field=field.name,
        table=table,
    )


def _not_there(field: Field[Any, Any]) -> str:
    target, label = target_of(field)._meta, field.model._meta.app_label
    if target.app_label == label:
        how = N_("Make that table, and then generate {label} again, and it comes.", label=label)
    elif target.app_label not in owned([target.app_label]):
        how = N_(
            "Run makemigrations {app}, and then generate {label} again, and it comes.",
            app=target.app_label,
            label=label,
        )
    else:
        how = N_(
            "Generate and run {app}, and then generate {label} again, and it comes; or generate both at "
            "once: makemigration {label} {app} --generate.",
            app=target.app_label,
            label=label,
        )
    return N_(
        "{model}.{field} refers to {table}, which is not there, and which no "
        "migration that is pending makes: its foreign key is left out. {how}",
        model=field.model._meta.label,
        field=field.name,
        table=target.db_table,
        how=how,
    )
