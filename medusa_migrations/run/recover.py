"""What became of a statement outside a transaction that was begun before: done, half done, or not at all."""

from __future__ import annotations

from typing import Any, NamedTuple

from medusa_migrations.database.session import Session
from medusa_migrations.events import Listener, Remarked
from medusa_migrations.messages import N_
from medusa_migrations.sql.concurrent import CreateIndex, Detach, DropIndex, Reindex, target
from medusa_migrations.sql.names import folded
from medusa_migrations.sql.scanner import Statement

from .sending import ask, send_around
from .task import Script

_NAME = "pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)"

# Indexes of a table by name; without a name its invalid ones. That of a partitioned table may be invalid for good.
_INDEXES = f"""
SELECT i.indisvalid, {_NAME}
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indrelid = pg_catalog.to_regclass(%s)::oid AND c.relkind = 'i'
  AND CASE WHEN %s THEN NOT i.indisvalid ELSE c.relname = %s END
"""

# The invalid indexes that REINDEX CONCURRENTLY leaves (manual, REINDEX, "Rebuilding Indexes Concurrently"), on a table
# and its partitions, or in a schema, or in the database; those of their TOAST tables are in a schema of the server's.
_LEFT_BY_REINDEX = f"""
WITH root AS (SELECT CASE %s
    WHEN 'TABLE' THEN pg_catalog.to_regclass(%s)::oid
    WHEN 'INDEX' THEN (SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass(%s)::oid)
    END AS oid)
SELECT DISTINCT {_NAME}
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class h ON i.indrelid IN (h.oid, h.reltoastrelid)
CROSS JOIN root
WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relname ~ '_cc(new|old)[0-9]*$' AND CASE %s
    WHEN 'SCHEMA' THEN h.relnamespace = pg_catalog.to_regnamespace(%s)::oid
    WHEN 'DATABASE' THEN true
    ELSE h.oid = root.oid OR h.oid IN (SELECT relid::oid FROM pg_catalog.pg_partition_tree(root.oid::regclass)) END
ORDER BY 1
"""

# Whether both tables are there, and the one a partition of the other that is pending detach; NULL if it is none.
_PARTITION = """
SELECT pg_catalog.to_regclass(%s) IS NOT NULL AND pg_catalog.to_regclass(%s) IS NOT NULL, (
    SELECT inhdetachpending FROM pg_catalog.pg_inherits
    WHERE inhparent = pg_catalog.to_regclass(%s)::oid AND inhrelid = pg_catalog.to_regclass(%s)::oid)
"""


def is_done_already(
    session: Session, script: Script, statement: Statement, listener: Listener, *, in_doubt: bool
) -> bool:
    """Whether `statement`, begun before, need not be sent again; what is half done is cleared away first.

    With `in_doubt` nobody knows how it ended, otherwise it failed.
    """
    look = _Look(session, script, listener, in_doubt)
    match target(script.sql, statement):
        case CreateIndex() as index:
            return look.is_created(index)
        case DropIndex(name):
            return look.is_dropped(name)
        case Detach(table, partition):
            return look.is_detached(table, partition)
        case Reindex(kind, name):
            look.clear_reindex(kind, name)
    if in_doubt:
        look.tell(N_("It is not known whether the statement was done when the run was cut off: running it again."))
    return False


def drops_invalid(session: Session, script: Script, statement: Statement, listener: Listener) -> bool:
    """Whether a CREATE INDEX CONCURRENTLY IF NOT EXISTS, now done, took an invalid index for one; that is dropped."""
    index = target(script.sql, statement)
    if not isinstance(index, CreateIndex) or not index.if_not_exists:
        return False
    return _Look(session, script, listener, False).drops_invalid(index)


class _Look(NamedTuple):
    """A look at what is there; fields as the parameters of `is_done_already`."""

    session: Session
    script: Script
    listener: Listener
    in_doubt: bool

    def tell(self, text: str) -> None:
        self.listener(Remarked(text))

    def ask(self, sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
        return ask(self.session, self.script, sql, params)

    def is_created(self, index: CreateIndex) -> bool:
        if index.name is None:
            for _, name in self.ask(_INDEXES, [index.table, True, None]):
                self.tell(
                    N_("The invalid index {name} may be left from the run that was cut off: see to it.", name=name)
                )
            return False
        if self.drops_invalid(index) or not self.in_doubt:
            return False
        for _, name in self.ask(_INDEXES, [index.table, False, folded(index.name)]):
            self.tell(N_("The index {name} is there and valid: taken as done.", name=name))
            return True
        return False

    def drops_invalid(self, index: CreateIndex) -> bool:
        assert index.name is not None
        for is_valid, name in self.ask(_INDEXES, [index.table, False, folded(index.name)]):
            if not is_valid:
                self.tell(N_("Dropping the index {name}, which was left invalid, to build it again.", name=name))
                send_around(self.session, self.script, f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
                return True
        return False

    def is_dropped(self, name: str) -> bool:
        if not self.in_doubt or not self.ask("SELECT pg_catalog.to_regclass(%s) IS NULL", [name])[0][0]:
            return False
        self.tell(N_("The index {name} is gone: taken as done.", name=name))
        return True

    def is_detached(self, table: str, partition: str) -> bool:
        are_there, is_pending = self.ask(_PARTITION, [table, partition, table, partition])[0]
        if is_pending:
            self.tell(N_("The partition {partition} is pending detach: finalizing that.", partition=partition))
            send_around(self.session, self.script, f"ALTER TABLE {table} DETACH PARTITION {partition} FINALIZE")
            return True
        if not are_there or is_pending is not None:
            return False
        self.tell(
            N_("{partition} is no partition of {table} any more: taken as done.", partition=partition, table=table)
        )
        return True

    def clear_reindex(self, kind: str, name: str) -> None:
        """Drop what it has left, as the manual says; another session's at work is waited for, and gone then."""
        of_table = name if kind in ("TABLE", "INDEX") else None
        where = [kind, of_table, of_table, kind, name if kind == "SCHEMA" else None]
        for (left,) in self.ask(_LEFT_BY_REINDEX, where):
            self.tell(N_("Dropping the index {left}, which was left invalid by REINDEX CONCURRENTLY.", left=left))
            send_around(self.session, self.script, f"DROP INDEX CONCURRENTLY IF EXISTS {left}")
