"""The names that Django's undoing leaves otherwise than they were: it looks them up, and SQL has them written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medusa_migrations.sql.names import quoted

# Constraints, but for NOT NULL, whose names nothing asks for, and the indexes that none of them has made.
_NAMES = """
SELECT 'TABLE ' || c.conrelid::pg_catalog.regclass::text || ' RENAME CONSTRAINT '::text, c.conname::text,
    pg_catalog.pg_get_constraintdef(c.oid)
FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
WHERE c.conrelid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid AND c.contype IN ('c', 'f', 'p', 'u', 'x')
    AND c.conparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
UNION ALL
SELECT 'INDEX '::text, x.relname::text, pg_catalog.replace(
        pg_catalog.pg_get_indexdef(i.indexrelid), pg_catalog.quote_ident(x.relname) || ' ON ', ' ON '
    )
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
WHERE i.indexrelid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.conindid OPERATOR(pg_catalog.=) i.indexrelid)
"""

_INDEX = "INDEX "

# For what an object is, and what it is on, the names of all that are so.
Names = Mapping[tuple[str, str], set[str]]


def names(connection: Any) -> Names:
    """The names of constraints and indexes that there are now, by what each is."""
    found: dict[tuple[str, str], set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_NAMES)
        for kind, name, definition in cursor.fetchall():
            found.setdefault((kind, definition), set()).add(name)
    return found


def renames(now: Names, before: Names) -> list[str]:
    """SQL that gives what is the same as `before` but for its name the name that it had."""
    return [
        _rename(kind, ours, theirs)
        for kind, definition in sorted(before.keys() & now.keys())
        for ours, theirs in zip(
            sorted(now[kind, definition] - before[kind, definition]),
            sorted(before[kind, definition] - now[kind, definition]),
            strict=False,
        )
    ]


def _rename(kind: str, now: str, before: str) -> str:
    if kind == _INDEX:
        return f"ALTER INDEX {quoted(now)} RENAME TO {quoted(before)}"
    return f"ALTER {kind}{quoted(now)} TO {quoted(before)}"
