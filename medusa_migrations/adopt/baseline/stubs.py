"""What other apps make and the tables of a baseline need, as far as they need it, for the proof."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from medusa_migrations.database.postgresql import FIRST_SCHEMA
from medusa_migrations.database.session import Session
from medusa_migrations.generate.catalog import read_tables
from medusa_migrations.generate.render import column_sql
from medusa_migrations.sql.names import quoted

from .depend import Belonging, Depends
from .order import statements_of
from .pieces import Piece

_KEYS = """
SELECT DISTINCT k.confrelid, ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) u(number)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY a.attnum)
FROM pg_catalog.pg_constraint k WHERE k.oid = ANY (%s::pg_catalog.oid[]) AND k.contype = 'f'
"""

_NUMBERED = """
SELECT a.attrelid, a.attnum::int4, a.attname::text FROM pg_catalog.pg_attribute a
WHERE a.attrelid = ANY (%s::pg_catalog.oid[]) AND a.attnum > 0
"""


def stubs_of(
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
