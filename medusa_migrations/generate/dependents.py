"""What the live database has standing on tables and columns."""

from __future__ import annotations

from collections.abc import Collection

from medusa_migrations.session import Session

from .remade import Place

_FOREIGN_KEYS = """
SELECT CASE WHEN c.relnamespace = t.relnamespace THEN '' ELSE n.nspname || '.' END || c.relname, k.conname::text,
    t.relname::text
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class t ON t.oid = k.confrelid
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND t.relnamespace = %s::oid AND t.relname = ANY (%s::text[])
ORDER BY 1, 2
"""

# A column's number is 0 where the whole table is meant, as by count(*).
_OBJECTS = """
SELECT t.relname::text, COALESCE(a.attname::text, ''), pg_catalog.pg_describe_object(
    CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::regclass END, COALESCE(r.ev_class, d.objid), 0)
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid AND a.attnum > 0
LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND t.relnamespace = %s::oid AND t.relname = ANY (%s::text[])
AND d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_trigger'::regclass,
    'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_statistic_ext'::regclass)
AND r.ev_class IS DISTINCT FROM t.oid
ORDER BY 1, 2, 3
"""


def foreign_keys_on(session: Session, namespace: int, tables: Collection[str]) -> list[tuple[str, str, str]]:
    """The foreign keys to `tables`: (their table, with its schema if that is another; their name; the target)."""
    return [(table, name, target) for table, name, target in session.query(_FOREIGN_KEYS, [namespace, sorted(tables)])]


def objects_on(session: Session, namespace: int, columns: Collection[Place], dropped: Collection[str]) -> list[str]:
    """Warnings that name views, triggers, policies and statistics on `columns`, and views on `dropped` tables."""
    rows = session.query(_OBJECTS, [namespace, sorted({*dropped, *(table for table, _ in columns)})])
    views = ("view", "materialized view")
    found = [
        f"{what} depends on {f'{table}.{column}' if column else table}, which changes: drop it before, and make it "
        "again after that."
        for table, column, what in rows
        if (table, column) in columns or (table in dropped and what.startswith(views))
    ]
    return list(dict.fromkeys(found))
