"""What a baseline does not write, and what may be missing from it, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from django.apps import apps
from django.db import router

from medusa_migrations.database.postgresql import FIRST_SCHEMA
from medusa_migrations.database.session import Session
from medusa_migrations.messages import N_
from medusa_migrations.sql.names import folded

from .depend import Belonging, Depends
from .neighbours import Neighbours
from .pieces import Address, Piece
from .roots import models_of, tables_of_models

INVALID = """
SELECT c.relname::pg_catalog.text, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indrelid = ANY (%s::pg_catalog.oid[]) AND NOT i.indisvalid ORDER BY c.relname
"""

_NOT_WRITTEN = """
SELECT c.relname::pg_catalog.text, c.relacl IS NOT NULL OR EXISTS (
    SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL), s.spcname::pg_catalog.text
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
WHERE c.oid = ANY (%s::pg_catalog.oid[])
UNION ALL
SELECT p.proname::pg_catalog.text, p.proacl IS NOT NULL, NULL FROM pg_catalog.pg_proc p
WHERE p.oid = ANY (%s::pg_catalog.oid[])
ORDER BY 1
"""

# Views, and functions that are no extension's, of the schema that tables are made in.
_PROGRAMS = f"""
SELECT 'pg_class', c.oid, c.relname::pg_catalog.text FROM pg_catalog.pg_class c
WHERE c.relkind IN ('v', 'm') AND c.relnamespace = {FIRST_SCHEMA}
UNION ALL
SELECT 'pg_proc', p.oid, p.proname::pg_catalog.text FROM pg_catalog.pg_proc p
WHERE p.pronamespace = {FIRST_SCHEMA}
ORDER BY 3
"""

# What repeatable migrations are for.
_REPLACED = {"view", "function", "procedure", "trigger", "rule", "policy"}

# How many names a warning has.
_SHOWN = 20


def not_written(session: Session, depends: Depends, found: Belonging, neighbours: Neighbours) -> Iterator[str]:
    """What is not written, and what may be missing."""
    tables = [address.oid for address in found.apps]
    models = {*tables_of_models()}
    own = {depends.relations[oid].name for oid in tables}
    schema = session.query("SELECT pg_catalog.current_schema()::pg_catalog.text")[0][0]
    here = [one for one in depends.relations.values() if one.is_table and one.schema == schema]
    left = [one.name for one in here if one.name not in own | models and _is_named_for(one.name, neighbours.labels)]
    if left:
        yield N_(
            "No model has {tables}, which is not written. Drop it, or give it a model.", tables=", ".join(sorted(left))
        )
    for name, _ in session.query(INVALID, [tables]):
        yield N_(
            "The index {name} is not valid, and is not written. Make it anew (REINDEX INDEX), or drop it.", name=name
        )
    functions = [address.oid for address in found.needs if address.catalog == "pg_proc"]
    rows = session.query(_NOT_WRITTEN, [tables, functions])
    if granted := [name for name, has_rights, _ in rows if has_rights]:
        yield N_(
            "Rights that were granted on {names} are not written: roles are the server's.", names=", ".join(granted)
        )
    if moved := [f"{name} ({space})" for name, _, space in rows if space]:
        yield N_("Tablespaces are not written: {names}.", names=", ".join(moved))
    for address in sorted(found.needs):
        strange = depends.tables_named(address) & {one.name for one in here} - own - models
        if strange:
            function = depends.functions[address.oid][0]
            yield N_(
                "The function {function} names {tables}, which no model has and is not written.",
                function=function,
                tables=", ".join(sorted(strange)),
            )
    yield from _of_programs(session, depends, found)
    for label in neighbours.labels:
        for model in models_of(label, session.connection):
            if not router.allow_migrate_model(session.alias, model):
                yield N_(
                    "{model} is left out: DATABASE_ROUTERS keep it away from {database!r}.",
                    model=model._meta.label,
                    database=session.alias,
                )


def made_twice(pieces: Sequence[Piece], neighbours: Neighbours) -> Iterator[str]:
    """What repeatable migrations make too, which in a new database run behind the baseline."""
    names = {folded(_own_name(one)): one for one in pieces if one.kind in _REPLACED}
    for migration, name in neighbours.also_made(names):
        yield (
            N_(
                "{id} makes the {kind} {name} too, after the baseline: see that it does so where that is there "
                "already (CREATE OR REPLACE).",
                id=migration.id,
                kind=names[name].kind,
                name=names[name].name,
            )
        )


def _own_name(piece: Piece) -> str:
    """The name without that of its table, behind which it is in quotes."""
    return '"' + piece.name.rpartition('."')[2] if piece.table else piece.name


def _is_named_for(name: str, labels: Collection[str]) -> bool:
    """Whether a table is named as those of one of the apps, and not of another whose label is longer."""
    longest = max((one for one in apps.app_configs if name.startswith(f"{one}_")), key=len, default=None)
    return longest in labels


def _of_programs(session: Session, depends: Depends, found: Belonging) -> Iterator[str]:
    rows = session.query(_PROGRAMS)
    names = [
        name
        for catalog, oid, name in rows
        if Address(catalog, oid) not in found.needs and Address(catalog, oid) not in depends.extensions
    ]
    if names:
        some = ", ".join(dict.fromkeys(names[:_SHOWN]))
        if len(names) > _SHOWN:
            some = N_("{names} and {count} more", names=some, count=len(names) - _SHOWN)
        yield (
            N_(
                "Views and functions that the tables do not need are not written: {names}. Write what is the apps' "
                "into a migration of its own, such as R__views.sql: \\sf and \\d+ of psql show it.",
                names=some,
            )
        )
