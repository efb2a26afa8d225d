"""Reads tables from PostgreSQL's catalog: five queries, however many tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from medusa_migrations.database.session import Session
from medusa_migrations.sql.names import quoted

from .tables import Column, Constraint, Counter, Index, Table

# What decides how PostgreSQL prints an expression, and reads what Django writes, set as pg_dump sets it: a date that is
# printed in another style would be another day elsewhere.
_PLAIN_PRINT = """
SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1; SET bytea_output = 'hex';
SET quote_all_identifiers = off; SET standard_conforming_strings = on;
"""

# PostgreSQL prints a name without its schema if that is on the search_path, so that two schemas can be compared.
_TABLES = """
SELECT c.oid, c.relname::text, pg_catalog.obj_description(c.oid, 'pg_class'), s.spcname::text,
    pg_catalog.pg_get_partkeydef(c.oid)
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
WHERE c.relnamespace = %s::oid AND c.relkind IN ('r', 'p') AND c.relname = ANY (%s::text[])
ORDER BY c.relname
"""

_COLUMNS = """
SELECT a.attrelid, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
    CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) END,
    a.attidentity::text,
    CASE WHEN a.attgenerated <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) END,
    a.attgenerated = 'v',
    CASE WHEN a.attcollation <> t.typcollation THEN
        CASE WHEN pg_catalog.pg_collation_is_visible(o.oid) THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
        || pg_catalog.quote_ident(o.collname) END,
    pg_catalog.col_description(a.attrelid, a.attnum),
    s.name, s.type, s.options, s.known_as
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace
LEFT JOIN LATERAL (
    SELECT CASE WHEN a.attidentity = '' THEN c.relname::text ELSE '' END AS name,
        pg_catalog.format_type(q.seqtypid, NULL) AS type,
        pg_catalog.concat_ws(' ',
            CASE WHEN q.seqincrement <> 1 THEN 'INCREMENT BY ' || q.seqincrement::text END,
            CASE WHEN q.seqmin <> 1 THEN 'MINVALUE ' || q.seqmin::text END,
            CASE WHEN q.seqmax <> CASE q.seqtypid WHEN 'int2'::regtype::oid THEN 32767
                WHEN 'int4'::regtype::oid THEN 2147483647 ELSE 9223372036854775807 END
                THEN 'MAXVALUE ' || q.seqmax::text END,
            CASE WHEN q.seqstart <> q.seqmin THEN 'START WITH ' || q.seqstart::text END,
            CASE WHEN q.seqcache <> 1 THEN 'CACHE ' || q.seqcache::text END,
            CASE WHEN q.seqcycle THEN 'CYCLE' END) AS options,
        c.relname::text AS known_as
    FROM pg_catalog.pg_depend p
    JOIN pg_catalog.pg_class c ON c.oid = p.objid
    JOIN pg_catalog.pg_sequence q ON q.seqrelid = c.oid
    WHERE p.classid = 'pg_catalog.pg_class'::regclass::oid AND p.refclassid = 'pg_catalog.pg_class'::regclass::oid
        AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum
        AND p.deptype = CASE WHEN a.attidentity = '' THEN 'a' ELSE 'i' END::"char"
    ORDER BY c.oid LIMIT 1) s ON true
WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

# From PostgreSQL 18 on a NOT NULL is a constraint too (contype n); here it is the column's. A foreign key to a
# partitioned table has a row for each partition besides, on the same table as its own (addFkRecurseReferenced).
_CONSTRAINTS = """
SELECT k.conrelid, k.conname::text, k.contype::text, pg_catalog.pg_get_constraintdef(k.oid, true),
    ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place),
    r.relname::text,
    ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place),
    k.convalidated, pg_catalog.obj_description(k.oid, 'pg_constraint'), s.spcname::text,
    k.confrelid <> 0::oid AND NOT pg_catalog.pg_table_is_visible(k.confrelid)
FROM pg_catalog.pg_constraint k
LEFT JOIN pg_catalog.pg_class r ON r.oid = k.confrelid
LEFT JOIN pg_catalog.pg_class i ON i.oid = k.conindid AND k.contype IN ('p', 'u', 'x')
LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = i.reltablespace
WHERE k.conrelid = ANY (%s::oid[]) AND k.contype IN ('p', 'u', 'c', 'f', 'x')
AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)
ORDER BY k.conrelid, k.conname
"""

_INDEXES = """
SELECT i.indrelid, c.relname::text, i.indisunique, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true),
    ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY u (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.number ORDER BY u.place),
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND EXISTS (
        SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass::oid
        AND d.objid = i.indexrelid AND d.refclassid = 'pg_catalog.pg_class'::regclass::oid
        AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum)
        ORDER BY a.attnum),
    i.indisvalid, pg_catalog.obj_description(c.oid, 'pg_class'), s.spcname::text
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
WHERE i.indrelid = ANY (%s::oid[]) AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
ORDER BY i.indrelid, c.relname
"""


def print_plainly(session: Session) -> None:
    """Have the session print and read expressions in the way that every other one reads too."""
    session.execute(_PLAIN_PRINT)


def read_tables(session: Session, namespace: int, names: Iterable[str]) -> dict[str, Table]:
    """Those of the tables `names` that there are in the schema with the oid `namespace`, by name.

    That schema must be first on the search_path, so that the names in it are printed without it.
    """
    found = session.query(_TABLES, [namespace, sorted(set(names))])
    oids = [oid for oid, *_ in found]
    columns, constraints, indexes = (
        _by_table(session, _COLUMNS, oids),
        _by_table(session, _CONSTRAINTS, oids),
        _by_table(session, _INDEXES, oids),
    )
    return {
        name: Table(
            name,
            {one.name: one for one in (_column(*values) for values in columns[oid])},
            {one.name: one for one in (_constraint(*values) for values in constraints[oid])},
            {one.name: one for one in (_index(*values) for values in indexes[oid])},
            comment,
            tablespace,
            partitioned,
        )
        for oid, name, comment, tablespace, partitioned in found
    }


def _by_table(session: Session, sql: str, oids: list[int]) -> dict[int, list[tuple[Any, ...]]]:
    """The rows that `sql` gives for the tables with these oids, without the oid, by it."""
    rows: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for oid, *values in session.query(sql, [oids]) if oids else ():
        rows[oid].append(tuple(values))
    return rows


def _column(
    name: str,
    type_: str,
    not_null: bool,
    default: str | None,
    identity: str,
    generated: str | None,
    virtual: bool,
    collation: str | None,
    comment: str | None,
    *sequence: str,
) -> Column:
    owned = Counter(*sequence) if sequence[0] is not None else None
    return Column(name, type_, not_null, default, identity, generated, virtual, collation, comment, owned)


def _constraint(
    name: str,
    kind: str,
    definition: str,
    columns: list[str],
    ref_table: str | None,
    ref_columns: list[str],
    valid: bool,
    comment: str | None,
    tablespace: str | None,
    is_elsewhere: bool,
) -> Constraint:
    definition = definition.removesuffix(" NOT VALID")
    if tablespace:  # which pg_get_constraintdef leaves out; it goes before the deferrability
        head, deferrable, tail = definition.partition(" DEFERRABLE")
        definition = f"{head} USING INDEX TABLESPACE {quoted(tablespace)}{deferrable}{tail}"
    return Constraint(
        name, kind, definition, tuple(columns), ref_table, tuple(ref_columns), valid, comment, is_elsewhere
    )


def _index(
    name: str,
    unique: bool,
    definition: str,
    columns: list[str],
    uses: list[str],
    valid: bool,
    comment: str | None,
    tablespace: str | None,
) -> Index:
    definition = definition[definition.index(" USING ") + 1 :]
    if tablespace:  # which pg_get_indexdef leaves out
        head, where, tail = definition.partition(" WHERE ")
        definition = f"{head} TABLESPACE {quoted(tablespace)}{where}{tail}"
    return Index(name, unique, definition, tuple(columns), tuple(uses), valid, comment)
