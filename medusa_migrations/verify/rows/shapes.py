"""What must be known of tables to put rows into them: columns, types, keys and conditions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from medusa_migrations.database.session import Session


class Type(NamedTuple):
    """A type. `kind` and `category` are pg_type's letters; `base` is what a domain is made of, or a range, with `mod`.

    `parts` are the types of a composite type, each with its modifier, and `conditions` the checks of a domain.
    """

    oid: int
    name: str
    kind: str
    category: str
    base: int
    mod: int
    element: int
    labels: tuple[str, ...] = ()
    parts: tuple[tuple[int, int], ...] = ()
    conditions: tuple[str, ...] = ()


class Column(NamedTuple):
    """A column that takes values; `spelled` is its type as a cast names it."""

    name: str
    type: int
    mod: int
    spelled: str
    not_null: bool
    has_default: bool


class Key(NamedTuple):
    """A foreign key of `columns` to those of the table with the oid `table`."""

    columns: tuple[str, ...]
    table: int
    to: tuple[str, ...]


class Shape(NamedTuple):
    """A table. In `unique` are all columns that an index keeps apart.

    `bounds` has what the rows of each partition must be, of which one is enough.
    """

    oid: int
    name: str
    is_partitioned: bool
    columns: tuple[Column, ...] = ()
    keys: tuple[Key, ...] = ()
    unique: frozenset[str] = frozenset()
    conditions: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()

    @property
    def rows(self) -> str:
        """What FROM names for the rows of this table alone; those of a partitioned one are in its partitions."""
        return self.name if self.is_partitioned else f"ONLY {self.name}"


class Shapes(NamedTuple):
    """Tables by their oid, with those that they refer to, and the types of all."""

    tables: Mapping[int, Shape]
    types: Mapping[int, Type]


_TABLES = """
WITH RECURSIVE wanted (oid) AS (
    SELECT pg_catalog.to_regclass(name)::oid FROM pg_catalog.unnest(%s::text[]) name
    UNION SELECT k.confrelid FROM wanted w JOIN pg_catalog.pg_constraint k ON k.conrelid = w.oid AND k.contype = 'f')
SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind = 'p'
FROM wanted w JOIN pg_catalog.pg_class c ON c.oid = w.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') ORDER BY 2
"""

_COLUMNS = """
SELECT a.attrelid, a.attname::text, a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod),
    a.attnotnull OR t.typnotnull, a.atthasdef OR a.attidentity <> ''
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attrelid, a.attnum
"""

# A foreign key to a partitioned table has a row for each partition besides (generate/catalog.py).
_KEYS = """
SELECT k.conrelid,
    ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place),
    k.confrelid,
    ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place)
FROM pg_catalog.pg_constraint k
WHERE k.conrelid = ANY (%s::oid[]) AND k.contype = 'f'
AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)
ORDER BY k.conrelid, k.conname
"""

# An expression's columns are known by what the index depends on.
_UNIQUE = """
SELECT DISTINCT i.indrelid, a.attname::text
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum > 0
WHERE i.indrelid = ANY (%s::oid[]) AND (i.indisunique OR i.indisexclusion)
AND (a.attnum = ANY (i.indkey::int2[]) OR EXISTS (
    SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass::oid
    AND d.objid = i.indexrelid AND d.refclassid = 'pg_catalog.pg_class'::regclass::oid
    AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
"""

_CONDITIONS = """
SELECT k.conrelid, pg_catalog.pg_get_expr(k.conbin, k.conrelid) FROM pg_catalog.pg_constraint k
WHERE k.conrelid = ANY (%s::oid[]) AND k.contype = 'c' ORDER BY k.conrelid, k.conname
"""

_BOUNDS = """
SELECT c.oid, pg_catalog.pg_get_partition_constraintdef(p.relid)
FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.pg_partition_tree(c.oid) p
WHERE c.oid = ANY (%s::oid[]) AND p.isleaf AND pg_catalog.pg_get_partition_constraintdef(p.relid) IS NOT NULL
ORDER BY c.oid, p.relid
"""

_TYPES = """
SELECT t.oid, t.typname::text, t.typtype::text, t.typcategory::text,
    COALESCE(r.rngsubtype, NULLIF(t.typbasetype, 0::oid), 0::oid), t.typtypmod, t.typelem,
    ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
    ARRAY(SELECT a.atttypid::bigint FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
    ARRAY(SELECT a.atttypmod FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
    ARRAY(SELECT pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k
        WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname)
FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_range r ON t.oid IN (r.rngtypid, r.rngmultitypid)
WHERE t.oid = ANY (%s::oid[])
"""


def read_shapes(session: Session, names: Collection[str]) -> Shapes:
    """Read the tables with these names and those that they refer to; what is no table or is not there is left out.

    pg_catalog must be alone on the search_path, so that all is printed with its schema. Raises django.db.Error.
    """
    found = session.query(_TABLES, [sorted(names)])
    oids = [oid for oid, *_ in found]
    columns, keys, unique, conditions, bounds = (
        _by_table(session, sql, oids) for sql in (_COLUMNS, _KEYS, _UNIQUE, _CONDITIONS, _BOUNDS)
    )
    tables = {
        oid: Shape(
            oid,
            name,
            is_partitioned,
            tuple(Column(*values) for values in columns[oid]),
            tuple(Key(tuple(own), table, tuple(to)) for own, table, to in keys[oid]),
            frozenset(name for (name,) in unique[oid]),
            tuple(text for (text,) in conditions[oid]),
            tuple(text for (text,) in bounds[oid]),
        )
        for oid, name, is_partitioned in found
    }
    return Shapes(tables, _read_types(session, {one.type for table in tables.values() for one in table.columns}))


def _by_table(session: Session, sql: str, oids: list[int]) -> dict[int, list[tuple[Any, ...]]]:
    rows: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for oid, *values in session.query(sql, [oids]) if oids else ():
        rows[oid].append(tuple(values))
    return rows


def _read_types(session: Session, oids: Iterable[int]) -> dict[int, Type]:
    """The types and all that they are made of."""
    found: dict[int, Type] = {}
    left = set(oids)
    while left:
        for *values, labels, parts, mods, conditions in session.query(_TYPES, [sorted(left)]):
            made_of = tuple(zip(parts, mods, strict=True))
            found[values[0]] = Type(*values)._replace(labels=tuple(labels), parts=made_of, conditions=tuple(conditions))
        needed = {part for one in found.values() for part in (one.base, one.element, *(oid for oid, _ in one.parts))}
        left = needed - found.keys() - left - {0}
    return found
