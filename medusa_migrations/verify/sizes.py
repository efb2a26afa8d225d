"""How large the tables of findings are in a live database: what is small takes no long time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from medusa_migrations import conf
from medusa_migrations.database.connect import open_session
from medusa_migrations.results import LintFinding

# A partitioned table has the rows and the size of its partitions. What was never counted has −1.
_SIZES = """
WITH wanted AS (
    SELECT name, c.oid, c.relkind
    FROM pg_catalog.unnest(%s::text[]) name
    JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(name)::pg_catalog.oid
), part AS (
    SELECT name, oid FROM wanted WHERE relkind IN ('r', 'm')
    UNION ALL SELECT w.name, t.relid::pg_catalog.oid FROM wanted w, pg_catalog.pg_partition_tree(w.oid) t
    WHERE w.relkind = 'p' AND t.isleaf
)
SELECT p.name, pg_catalog.sum(CASE WHEN c.reltuples >= 0::pg_catalog.float4 THEN c.reltuples END)::pg_catalog.int8,
    pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid))::pg_catalog.int8
FROM part p JOIN pg_catalog.pg_class c ON c.oid = p.oid GROUP BY p.name
"""

# What their size makes no difference to.
_NOT_OF_SIZE = {"required-column", "insert-breaks", "drop-table", "drop-column", "rename-table", "rename-column"}


class Size(NamedTuple):
    """Of one table: its rows, as the server estimates them, None if it never has, and its bytes with all indexes."""

    rows: int | None
    bytes: int


def with_sizes(findings: Sequence[LintFinding], alias: str) -> tuple[LintFinding, ...]:
    """`findings` with the size of the largest of their tables in the database `alias`; about small ones they are notes.

    Raises DatabaseError.
    """
    sizes = _read(alias, {table for one in findings for table in one.tables})
    return tuple(_sized(one, sizes, conf.get_settings().lint_rows) for one in findings)


def _read(alias: str, tables: Iterable[str]) -> Mapping[str, Size]:
    names = sorted(tables)
    with open_session(alias) as session:
        return {name: Size(rows, size) for name, rows, size in session.query(_SIZES, [names])}


def _sized(finding: LintFinding, sizes: Mapping[str, Size], few: int) -> LintFinding:
    found = [sizes[table] for table in finding.tables if table in sizes]
    if not found:
        return finding
    rows = max((one.rows for one in found if one.rows is not None), default=None)
    is_small = rows is not None and rows < few and all(one.rows is not None for one in found)
    severity = "note" if is_small and finding.code not in _NOT_OF_SIZE else finding.severity
    return finding._replace(rows=rows, bytes=max(one.bytes for one in found), severity=severity)
