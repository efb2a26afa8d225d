"""What the catalog says of tables: queries, and their answers as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.sql.names import quoted_table

# Each takes the quoted name of a table or view, HAS_COLUMN the plain name of the column besides.
HAS_TABLE = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(%s)::oid AND relkind IN ('r', 'p', 'f')
)
"""
HAS_VIEW = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(%s)::oid AND relkind IN ('v', 'm'))
"""
HAS_COLUMN = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_attribute
    WHERE attrelid = pg_catalog.to_regclass(%s)::oid AND attname = %s AND attnum > 0 AND NOT attisdropped
)
"""

_TABLE = """
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid)
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = pg_catalog.to_regclass(%s)::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_PRIMARY_KEY = """
SELECT a.attname
FROM pg_catalog.pg_constraint c
CROSS JOIN LATERAL pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k (attnum, position)
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
WHERE c.conrelid = pg_catalog.to_regclass(%s)::oid AND c.contype = 'p'
ORDER BY k.position
"""
# From PostgreSQL 18 on, NOT NULL is a constraint too (contype n); here it is the column's.
_CONSTRAINTS = """
SELECT conname, pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
WHERE conrelid = pg_catalog.to_regclass(%s)::oid AND contype IN ('p', 'u', 'f', 'c', 'x') ORDER BY conname
"""
_INDEXES = """
SELECT c.relname, pg_catalog.pg_get_indexdef(c.oid)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = pg_catalog.to_regclass(%s)::oid ORDER BY c.relname
"""
_NAMES = """
SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND CASE WHEN %s::text IS NULL
    THEN pg_catalog.pg_table_is_visible(c.oid) AND n.nspname::text NOT LIKE 'pg\\_%%'
    ELSE n.nspname = %s END
ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column as the catalog has it; `type` and `default` are SQL, and `null` tells whether it may be NULL."""

    name: str
    type: str
    null: bool
    default: str | None


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table as the catalog has it.

    `primary_key` are the names of its columns, empty for a table without one. `constraints` and `indexes` are the SQL
    of each by its name.
    """

    name: str
    columns: tuple[ColumnInfo, ...]
    primary_key: tuple[str, ...]
    constraints: Mapping[str, str]
    indexes: Mapping[str, str]


def read_table(connection: BaseDatabaseWrapper, name: str) -> TableInfo:
    """What the catalog says of the table `name`. Raises LookupError if there is none, and django.db.Error."""
    with connection.cursor() as cursor:

        def rows(sql: str) -> list[tuple[Any, ...]]:
            cursor.execute(sql, [quoted_table(name)])
            return list(cursor.fetchall())

        columns = tuple(ColumnInfo(*row) for row in rows(_TABLE))
        if not columns:
            raise LookupError(f"there is no table {name}")
        return TableInfo(
            name,
            columns,
            primary_key=tuple(column for (column,) in rows(_PRIMARY_KEY)),
            constraints=dict(rows(_CONSTRAINTS)),
            indexes=dict(rows(_INDEXES)),
        )


def table_names(connection: BaseDatabaseWrapper, schema: str | None) -> list[str]:
    """The names of the tables in `schema`, or for None of those found without a schema's name, sorted."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, [schema, schema])
        return [name for (name,) in cursor.fetchall()]
