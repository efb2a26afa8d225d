"""How far the server is with an index that it builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.backends.utils import CursorWrapper

if TYPE_CHECKING:
    from medusa_migrations.results import IndexProgress

# Of a process of another user most is hidden, and an index that is not committed yet has no name for others.
_QUERY = """
SELECT COALESCE(t.relname::text, ''::text), COALESCE(i.relname::text, ''::text), p.phase,
    p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total, p.lockers_done, p.lockers_total
FROM pg_catalog.pg_stat_progress_create_index p
LEFT JOIN pg_catalog.pg_class t ON t.oid = p.relid
LEFT JOIN pg_catalog.pg_class i ON i.oid = p.index_relid
WHERE p.pid = %s::int4 AND p.datname = pg_catalog.current_database() AND p.phase IS NOT NULL
"""


def index_progress(cursor: CursorWrapper, pid: int) -> IndexProgress | None:
    """That of the index that the server's process `pid` builds, None where it builds none. Raises django.db.Error."""
    cursor.execute(_QUERY, [pid])
    for table, index, phase, *counts in cursor.fetchall():
        from medusa_migrations.results import IndexProgress  # most runs build no index that takes long

        return IndexProgress(table, index, phase, percent(phase, *counts))
    return None


def percent(
    phase: str,
    blocks_done: int,
    blocks_total: int,
    tuples_done: int,
    tuples_total: int,
    lockers_done: int,
    lockers_total: int,
) -> int | None:
    """How much of its phase is done, None where the server does not tell (manual, 27.4, CREATE INDEX Progress)."""
    done, total = blocks_done, blocks_total
    if phase.startswith("waiting for"):
        done, total = lockers_done, lockers_total
    elif phase.startswith("building index: loading tuples"):
        done, total = tuples_done, tuples_total
    elif phase.endswith("sorting tuples") or phase.startswith("building index: sorting"):
        return None
    return min(100, 100 * done // total) if total else None
