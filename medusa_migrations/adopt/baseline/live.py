"""The live tables of apps with all that belongs to them, read at one moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from django.apps import apps
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

from medusa_migrations.database.history import History, read_known
from medusa_migrations.database.place import find
from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.generate.catalog import print_plainly, read_tables
from medusa_migrations.generate.remade import mentions
from medusa_migrations.generate.render import column_sql
from medusa_migrations.generate.wanted import NAME_LENGTH
from medusa_migrations.migration import Migration
from medusa_migrations.plan.known import Known
from medusa_migrations.run.prerequisites import applied_by_django, loaded
from medusa_migrations.sql.names import folded, quoted
from medusa_migrations.verify.catalog.snapshot import Reader, Snapshot, Thing

from .catalog import FIRST_SCHEMA
from .depend import Belonging, Depends, belonging, read_depends
from .neighbours import Neighbours
from .objects import read_objects
from .order import statements_of, with_partitions
from .pieces import Address, Piece

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '5s'"

_FOUND = """
SELECT u.name, c.oid, c.relkind::pg_catalog.text, n.nspname::pg_catalog.text
FROM pg_catalog.unnest(%s::pg_catalog.text[]) u(name)
LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(u.name))::pg_catalog.oid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY u.name
"""

_IDENTIFIED = """
SELECT u.catalog, u.oid, i.type, i.identity, i.schema
FROM ROWS FROM (pg_catalog.unnest(%s::pg_catalog.text[]), pg_catalog.unnest(%s::pg_catalog.oid[])) u(catalog, oid),
    LATERAL pg_catalog.pg_identify_object(('pg_catalog.' || u.catalog)::pg_catalog.regclass::pg_catalog.oid, u.oid, 0) i
ORDER BY i.type, i.identity
"""

# As a snapshot names them; search_path has pg_catalog alone.
_THINGS = """
SELECT u.kind, CASE u.catalog WHEN 'pg_class' THEN u.oid::regclass::text WHEN 'pg_type' THEN format_type(u.oid, NULL)
    WHEN 'pg_proc' THEN u.oid::regprocedure::text WHEN 'pg_collation' THEN u.oid::regcollation::text
    ELSE (SELECT quote_ident(e.extname) FROM pg_extension e WHERE e.oid = u.oid) END
FROM ROWS FROM (unnest(%s::text[]), unnest(%s::text[]), unnest(%s::oid[])) u(kind, catalog, oid)
"""

_LEFT_OUT = """
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

_KEYS = """
SELECT DISTINCT k.confrelid, ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) u(number)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY a.attnum)
FROM pg_catalog.pg_constraint k WHERE k.oid = ANY (%s::pg_catalog.oid[]) AND k.contype = 'f'
"""

_NUMBERED = """
SELECT a.attrelid, a.attnum::int4, a.attname::text FROM pg_catalog.pg_attribute a
WHERE a.attrelid = ANY (%s::pg_catalog.oid[]) AND a.attnum > 0
"""

# The kinds of a snapshot that do not tell by what they belong to that they are of a table.
_ALONE = {"table", "sequence", "view", "materialized view", "type", "function", "procedure", "collation", "extension"}

# What repeatable migrations are for.
_REPLACED = {"view", "function", "procedure", "trigger", "rule", "policy"}

# How many names a warning has.
_SHOWN = 20


class Live(NamedTuple):
    """What is to be written: `pieces` of the tables that have `apps`, and how the database is.

    `outside` is what is needed and made by others, each with the id of the migration after which it is there, and
    `stubs` is SQL that makes as much of that in a scratch database. `expected` is what the catalog has of it all.
    """

    path: tuple[str, ...]
    apps: Mapping[Address, str]
    pieces: tuple[Piece, ...]
    outside: Mapping[Address, str]
    stubs: tuple[str, ...]
    expected: Snapshot
    things: frozenset[Thing]
    left_out: frozenset[Thing]
    warnings: tuple[str, ...]
    neighbours: Neighbours


def read_live(session: Session, labels: Sequence[str], migrations: Sequence[Migration]) -> Live:
    """Read the tables of the apps `labels` in one transaction that only reads.

    Raises PlanError where they cannot be written, or are not at their end, and DatabaseError.
    """
    session.execute(_BEGIN)
    try:
        history = History(session)
        known = read_known(history, migrations)
        loader = loaded()
        _refuse_unapplied(session, labels, loader)
        print_plainly(session)
        roots = _roots(session, labels)
        _refuse_own_migrations(known, labels, [table for table, _ in roots.values()])
        neighbours = Neighbours(labels, migrations, loader)
        return _read(session, history, {oid: label for oid, (_, label) in roots.items()}, neighbours)
    finally:
        session.rollback()


def _refuse_unapplied(session: Session, labels: Collection[str], loader: MigrationLoader) -> None:
    applied = applied_by_django(session, loader)
    waiting = sorted(".".join(key) for key in loader.graph.nodes if key[0] in labels and key not in applied)
    if waiting:
        raise PlanError(
            f"{', '.join(waiting)}: not applied in the database {session.alias!r}, so that its tables are not "
            "what the models say yet. Nothing was written. Run migrate first."
        )


def _roots(session: Session, labels: Sequence[str]) -> dict[int, tuple[str, str]]:
    """The tables of the models, by their OIDs, each with its app. Raises PlanError for one that is not there."""
    tables = {
        _plain_table(model): label
        for label in labels
        for model in _models(label, session.connection)
        if router.allow_migrate_model(session.alias, model)
    }
    rows = session.query(_FOUND, [sorted(tables)])
    schema = session.query("SELECT pg_catalog.current_schema()::pg_catalog.text")[0][0]
    for name, oid, kind, namespace in rows:
        if problem := _problem_of_table(oid, kind, namespace, schema):
            raise PlanError(
                f"{name} of the app {tables[name]!r} in the database {session.alias!r}: {problem}. Nothing was written."
            )
    if not rows:
        raise PlanError(f"{', '.join(labels)}: no model has a table, so there is nothing to write.")
    return {oid: (name, tables[name]) for name, oid, _, _ in rows}


def _models(label: str, connection: BaseDatabaseWrapper) -> Iterator[type[Model]]:
    """The models of an app that have tables of their own, with the automatic many-to-many ones."""
    for model in apps.get_app_config(label).get_models(include_auto_created=True):
        options = model._meta
        if options.managed and not options.proxy and not options.swapped and options.can_migrate(connection):
            yield model


def _plain_table(model: type[Model]) -> str:
    """The name of a model's table. Raises PlanError for one that is no plain name."""
    table = model._meta.db_table
    if '"' in table or len(table.encode()) > NAME_LENGTH:
        raise PlanError(
            f"{model._meta.label} has the db_table {table!r}, which names a schema, has quotes, or is longer than "
            f"PostgreSQL's {NAME_LENGTH} bytes: a baseline has the tables of one schema, the first of search_path, "
            "under their plain names. Nothing was written. Move the table there and give it a plain db_table, or "
            "write this baseline by hand, with pg_dump."
        )
    return table


def _problem_of_table(oid: int | None, kind: str, namespace: str, schema: str) -> str | None:
    if oid is None:
        return "there is no such table"
    if kind not in ("r", "p"):
        return "that is no table"
    if namespace != schema:
        return f"in the schema {namespace!r}; tables are made in the first of search_path, which is {schema!r}"
    return None


def _refuse_own_migrations(known: Known, labels: Sequence[str], tables: Collection[str]) -> None:
    """Raise PlanError for SQL migrations of the apps that are pending, or are about the tables."""
    pending = {one.id for one in (*known.pending(), *known.changed())}
    for one in known.migrations:
        if one.id.app not in labels:
            continue
        if one.id in pending:
            raise PlanError(
                f"{one.id}: not applied as it is now, so that the tables are not what they will be. Nothing was "
                f"written. Run migrations_run {one.id.app} first, or delete that file."
            )
        text = Path(one.file).read_text(errors="replace")
        table = next((table for table in sorted(tables) if mentions(text, table)), None)
        if table and not one.is_repeatable:
            raise PlanError(
                f"{one.id}: is about {table}. What it did would be in the baseline too, and on a new database it would "
                "run before that. Nothing was written. If all of it is to be in the baseline, delete that file, and "
                f"then migrations_repair --mark-reverted {one.id}"
            )


def _read(session: Session, history: History, roots: Mapping[int, str], neighbours: Neighbours) -> Live:
    depends = read_depends(session)
    modelled = {oid for _, oid, *_ in session.query(_FOUND, [_tables_of_models()]) if oid is not None}
    found = belonging(depends, roots, modelled - set(roots))
    pieces = _pieces(session, depends, found)
    outside = _outside(depends, found, pieces, neighbours)
    reached = _reached(pieces, found.apps, outside)
    own = [one for one in pieces if one.address in reached]
    others = [one for one in pieces if one.address not in reached]
    warnings = (*_warnings(session, depends, found, neighbours), *_made_twice(own, neighbours))
    stubs = (*_stubs(session, depends, found, others, own),)
    (path,) = session.query("SELECT pg_catalog.current_schemas(false)::pg_catalog.text[]")[0]
    tables = [address.oid for address in found.apps]
    left_out = frozenset(Thing("index", name) for _, name in session.query(_LEFT_OUT, [tables]))
    place = find(session, history.place.name)
    reader = Reader(session, [place.name, place.journal] if place else [])
    snapshot = reader.read()
    alone = [one for one in own if one.kind in _ALONE]
    kinds, catalogs = [one.kind.replace(" ", "_") for one in alone], [one.address.catalog for one in alone]
    rows = session.query(_THINGS, [kinds, catalogs, [one.address.oid for one in alone]])
    things = frozenset(Thing(kind, name) for kind, name in rows)
    return Live(tuple(path), found.apps, tuple(own), outside, stubs, snapshot, things, left_out, warnings, neighbours)


def _tables_of_models() -> list[str]:
    models = apps.get_models(include_auto_created=True, include_swapped=True)
    return sorted({model._meta.db_table for model in models})


def _pieces(session: Session, depends: Depends, found: Belonging) -> list[Piece]:
    """All objects. Raises PlanError for those of a kind that is not written, and of another schema."""
    schema = session.query("SELECT pg_catalog.quote_ident(pg_catalog.current_schema())")[0][0]
    addresses = [one for one in sorted(found.needs) if one.catalog != "pg_extension"]
    identified = session.query(_IDENTIFIED, [[one.catalog for one in addresses], [one.oid for one in addresses]])
    elsewhere = [f"{kind} {identity}" for _, _, kind, identity, there in identified if there not in (None, schema)]
    if elsewhere:
        raise PlanError(
            f"{', '.join(elsewhere)}: needed by the tables, and in another schema than the first of search_path, "
            f"{schema}. Nothing was written. Move it there (ALTER … SET SCHEMA), or write this baseline by hand, "
            "with pg_dump."
        )
    pieces = read_objects(session, found.needs)
    written = {one.address for one in pieces}
    missing = [f"{kind} {identity}" for of, oid, kind, identity, _ in identified if Address(of, oid) not in written]
    if missing:
        raise PlanError(
            f"{', '.join(missing)}: needed by the tables, and of a kind that a baseline does not have. Nothing was "
            "written. Write this baseline by hand, with pg_dump."
        )
    parents = {
        address: [Address("pg_class", oid) for oid in depends.relations[address.oid].parents] for address in found.apps
    }
    calls = found.calls
    return with_partitions([replace(one, calls=calls.get(one.address, frozenset())) for one in pieces], parents)


def _outside(depends: Depends, found: Belonging, pieces: Sequence[Piece], neighbours: Neighbours) -> dict[Address, str]:
    """What others make, each with the migration after which it is there. Raises PlanError where there is none."""
    outside: dict[Address, str] = {}
    for address in sorted(found.outside):
        by = next(one for one in pieces if address in one.needs)
        outside[address] = neighbours.before(depends.relations[address.oid].name, f"The {by.kind} {by.name}")
    makers = neighbours.makers()
    for one in pieces:
        if (
            one.address not in found.apps
            and not one.table
            and (maker := makers.get((one.kind.split()[-1], folded(one.name))))
        ):
            outside[one.address] = maker
    return outside


def _reached(pieces: Sequence[Piece], tables: Collection[Address], outside: Collection[Address]) -> set[Address]:
    """What is made with the tables: they, what hangs on them, and what these need that nobody else makes."""
    by_address = {one.address: one for one in pieces}
    found: set[Address] = set()
    todo = [one.address for one in pieces if one.address in tables or one.table in tables]
    while todo:
        address = todo.pop()
        if address in found or address in outside or address not in by_address:
            continue
        found.add(address)
        todo += [*by_address[address].needs, *by_address[address].calls]
        todo += [one.address for one in pieces if one.table == address]
    return found


def _stubs(
    session: Session, depends: Depends, found: Belonging, others: Sequence[Piece], own: Sequence[Piece]
) -> Iterator[str]:
    """SQL that makes what others make, as far as it is needed: objects, and of tables the columns and keys."""
    yield from (one.sql for one in statements_of(others, found.outside))
    numbers = {address.oid: columns for address, columns in found.outside.items()}
    keys = session.query(_KEYS, [[one.address.oid for one in own if one.kind == "foreign key"]])
    names = {(oid, number): name for oid, number, name in session.query(_NUMBERED, [[*numbers]])}
    namespace = session.query(f"SELECT {FIRST_SCHEMA}")[0][0]
    tables = read_tables(session, namespace, [depends.relations[oid].name for oid in numbers])
    for oid, columns in sorted(numbers.items()):
        table = tables[depends.relations[oid].name]
        needed = {names[oid, number] for number in columns}
        parts = [
            column_sql(replace(column, default=None, identity="", sequence=None, generated=None))
            for name, column in table.columns.items()
            if name in needed
        ]
        parts += [f"UNIQUE ({', '.join(map(quoted, key))})" for on, key in keys if on == oid]
        yield f"CREATE TABLE {quoted(table.name)} ({', '.join(parts)})"


def _warnings(session: Session, depends: Depends, found: Belonging, neighbours: Neighbours) -> Iterator[str]:
    """What is not written, and what may be missing."""
    tables = [address.oid for address in found.apps]
    models = {*_tables_of_models()}
    own = {depends.relations[oid].name for oid in tables}
    schema = session.query("SELECT pg_catalog.current_schema()::pg_catalog.text")[0][0]
    here = [one for one in depends.relations.values() if one.is_table and one.schema == schema]
    left = [one.name for one in here if one.name not in own | models and _is_named_for(one.name, neighbours.labels)]
    if left:
        yield f"No model has {', '.join(sorted(left))}, which is not written. Drop it, or give it a model."
    for name, _ in session.query(_LEFT_OUT, [tables]):
        yield f"The index {name} is not valid, and is not written. Make it anew (REINDEX INDEX), or drop it."
    functions = [address.oid for address in found.needs if address.catalog == "pg_proc"]
    rows = session.query(_NOT_WRITTEN, [tables, functions])
    if granted := [name for name, has_rights, _ in rows if has_rights]:
        yield f"Rights that were granted on {', '.join(granted)} are not written: roles are the server's."
    if moved := [f"{name} ({space})" for name, _, space in rows if space]:
        yield f"Tablespaces are not written: {', '.join(moved)}."
    for address in sorted(found.needs):
        strange = depends.tables_named(address) & {one.name for one in here} - own - models
        if strange:
            function = depends.functions[address.oid][0]
            yield f"The function {function} names {', '.join(sorted(strange))}, which no model has and is not written."
    yield from _of_programs(session, depends, found)
    for label in neighbours.labels:
        for model in _models(label, session.connection):
            if not router.allow_migrate_model(session.alias, model):
                yield f"{model._meta.label} is left out: DATABASE_ROUTERS keep it away from {session.alias!r}."


def _made_twice(pieces: Sequence[Piece], neighbours: Neighbours) -> Iterator[str]:
    """What repeatable migrations make too, which in a new database run behind the baseline."""
    names = {folded(_own_name(one)): one for one in pieces if one.kind in _REPLACED}
    for migration, name in neighbours.also_made(names):
        yield (
            f"{migration.id} makes the {names[name].kind} {names[name].name} too, after the baseline: see that it does "
            "so where that is there already (CREATE OR REPLACE)."
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
        some = ", ".join(dict.fromkeys(names[:_SHOWN])) + (
            f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        )
        yield (
            f"Views and functions that the tables do not need are not written: {some}. Write what is the apps' into a "
            "migration of its own, such as R__views.sql: \\sf and \\d+ of psql show it."
        )
