"""The live tables of apps with all that belongs to them, read at one moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from medusa_migrations.database.history import History, read_known
from medusa_migrations.database.place import find
from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.generate.catalog import print_plainly
from medusa_migrations.messages import N_
from medusa_migrations.migration import Migration
from medusa_migrations.run.prerequisites import loaded
from medusa_migrations.sql.names import folded
from medusa_migrations.verify.catalog.snapshot import Reader, Snapshot, Thing

from .depend import Belonging, Depends, belonging, read_depends
from .neighbours import Neighbours
from .objects import read_objects
from .order import with_partitions
from .pieces import Address, Piece
from .roots import FOUND, refuse_own_migrations, refuse_unapplied, roots_of, tables_of_models
from .stubs import stubs_of
from .unwritten import INVALID, made_twice, not_written

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '5s'"

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

# The kinds of a snapshot that do not tell by what they belong to that they are of a table.
_ALONE = {"table", "sequence", "view", "materialized view", "type", "function", "procedure", "collation", "extension"}


class Live(NamedTuple):
    """What is to be written: `pieces` of the tables that have `apps`, and how the database is.

    `outside` is what is needed and made by others, each with the id of the migration after which it is there, and
    `stubs` is SQL that makes as much of that in a scratch database. Of `snapshot`, the whole catalog, it is the
    `things` and what belongs to them, but for those `left_out`. `path` is search_path.
    """

    path: tuple[str, ...]
    apps: Mapping[Address, str]
    pieces: tuple[Piece, ...]
    outside: Mapping[Address, str]
    stubs: tuple[str, ...]
    snapshot: Snapshot
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
        refuse_unapplied(session, labels, loader)
        print_plainly(session)
        roots = roots_of(session, labels)
        refuse_own_migrations(known, labels, [table for table, _ in roots.values()])
        neighbours = Neighbours(labels, migrations, loader)
        return _read(session, history, {oid: label for oid, (_, label) in roots.items()}, neighbours)
    finally:
        session.rollback()


def _read(session: Session, history: History, roots: Mapping[int, str], neighbours: Neighbours) -> Live:
    depends = read_depends(session)
    modelled = {oid for _, oid, *_ in session.query(FOUND, [tables_of_models()]) if oid is not None}
    found = belonging(depends, roots, modelled - set(roots))
    pieces = _pieces(session, depends, found)
    outside = _outside(depends, found, pieces, neighbours)
    reached = _reached(pieces, found.apps, outside)
    own = [one for one in pieces if one.address in reached]
    others = [one for one in pieces if one.address not in reached]
    warnings = (*not_written(session, depends, found, neighbours), *made_twice(own, neighbours))
    stubs = (*stubs_of(session, depends, found, others, own),)
    (path,) = session.query("SELECT pg_catalog.current_schemas(false)::pg_catalog.text[]")[0]
    tables = [address.oid for address in found.apps]
    left_out = frozenset(Thing("index", name) for _, name in session.query(INVALID, [tables]))
    place = find(session, history.place.name)
    reader = Reader(session, [place.name, place.journal] if place else [])
    snapshot = reader.read()
    alone = [one for one in own if one.kind in _ALONE]
    kinds, catalogs = [one.kind.replace(" ", "_") for one in alone], [one.address.catalog for one in alone]
    rows = session.query(_THINGS, [kinds, catalogs, [one.address.oid for one in alone]])
    things = frozenset(Thing(kind, name) for kind, name in rows)
    return Live(tuple(path), found.apps, tuple(own), outside, stubs, snapshot, things, left_out, warnings, neighbours)


def _pieces(session: Session, depends: Depends, found: Belonging) -> list[Piece]:
    """All objects. Raises PlanError for those of a kind that is not written, and of another schema."""
    schema = session.query("SELECT pg_catalog.quote_ident(pg_catalog.current_schema())")[0][0]
    addresses = [one for one in sorted(found.needs) if one.catalog != "pg_extension"]
    identified = session.query(_IDENTIFIED, [[one.catalog for one in addresses], [one.oid for one in addresses]])
    elsewhere = [f"{kind} {identity}" for _, _, kind, identity, there in identified if there not in (None, schema)]
    if elsewhere:
        raise PlanError(
            N_(
                "{objects}: needed by the tables, and in another schema than the first of search_path, {schema}. "
                "Nothing was written. Move it there (ALTER … SET SCHEMA), or write this baseline by hand, with "
                "pg_dump.",
                objects=", ".join(elsewhere),
                schema=schema,
            )
        )
    pieces = read_objects(session, found.needs)
    written = {one.address for one in pieces}
    missing = [f"{kind} {identity}" for of, oid, kind, identity, _ in identified if Address(of, oid) not in written]
    if missing:
        raise PlanError(
            N_(
                "{objects}: needed by the tables, and of a kind that a baseline does not have. Nothing was written. "
                "Write this baseline by hand, with pg_dump.",
                objects=", ".join(missing),
            )
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
        outside[address] = neighbours.before(
            depends.relations[address.oid].name, N_("The {kind} {name}", kind=by.kind, name=by.name)
        )
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
