"""How many rows there are in each table."""

from __future__ import annotations

from medusa_migrations.database.session import Session
from medusa_migrations.models import AppliedMigration, MigrationLog

from .alone import alone
from .shapes import Shape

# How many tables are counted at once: each of them, and each index, takes a lock (max_locks_per_transaction).
_BATCH = 200

# The history and the journal are written for every part that runs.
_TABLES = """
SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
AND c.relname <> ALL (%s::name[])
"""


def count_rows(session: Session) -> dict[Shape, int]:
    """The rows of each table that can be read, partitions too, without history and journal. Raises django.db.Error."""
    with alone(session):
        found = session.query(_TABLES, [[model._meta.db_table for model in (AppliedMigration, MigrationLog)]])
    shapes = {oid: Shape(oid, name, False) for oid, name in found}
    counts: dict[Shape, int] = {}
    for start in range(0, len(found), _BATCH):
        batch = found[start : start + _BATCH]
        each = (f"SELECT {oid}::bigint, count(*) FROM {shapes[oid].rows}" for oid, _ in batch)
        with alone(session):
            counts |= {shapes[oid]: number for oid, number in session.query(" UNION ALL ".join(each))}
    return counts
