"""What is PostgreSQL's and its drivers': SQLSTATEs, error fields, the advisory lock's queries, COPY."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

# The bigint key of the run lock. Advisory locks are per database, so every alias has its own.
LOCK_KEY = int.from_bytes(b"medusamg")

# pg_locks shows a bigint key as two halves, with objsubid 1 (manual, 54.12).
LOCK_HOLDER = f"""
SELECT l.pid, a.application_name, a.usename, a.client_addr, a.backend_start
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.classid = {LOCK_KEY >> 32} AND l.objid = {LOCK_KEY & 0xFFFFFFFF}
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
"""

# SQLSTATEs (manual, appendix A).
UNDEFINED_TABLE = "42P01"
UNIQUE_VIOLATION = "23505"
INSUFFICIENT_PRIVILEGE = "42501"
LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK_DETECTED = "40P01"
SERIALIZATION_FAILURE = "40001"
ACTIVE_SQL_TRANSACTION = "25001"
INVALID_TRANSACTION_TERMINATION = "2D000"

PASSING = {LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED, SERIALIZATION_FAILURE}
NOT_IN_TRANSACTION = {ACTIVE_SQL_TRANSACTION, INVALID_TRANSACTION_TERMINATION}


@dataclass(frozen=True, slots=True)
class ServerError:
    """The fields of an error (manual, 55.8). `position` counts characters of what was sent, from 1.

    `sqlstate` is None if the error is the driver's own, such as a lost connection.
    """

    message: str
    sqlstate: str | None = None
    position: int | None = None
    detail: str | None = None
    hint: str | None = None
    context: str | None = None
    table: str | None = None
    constraint: str | None = None
    internal_query: str | None = None


def server_error(error: BaseException) -> ServerError:
    """The fields of an error that psycopg2, psycopg or Django raised; Django keeps the driver's as its cause."""
    source = error.__cause__ or error
    diag = getattr(source, "diag", None)
    message = getattr(diag, "message_primary", None)
    if diag is None or message is None:
        return ServerError(str(source).strip() or type(source).__name__)
    position = diag.statement_position
    return ServerError(
        message=message,
        sqlstate=diag.sqlstate,
        position=int(position) if position else None,
        detail=diag.message_detail,
        hint=diag.message_hint,
        context=diag.context,
        table=diag.table_name,
        constraint=diag.constraint_name,
        internal_query=diag.internal_query,
    )


def copy_in(connection: BaseDatabaseWrapper, statement: str, rows: str) -> None:
    """Run COPY … FROM stdin with its `rows`. psycopg2 and psycopg have a way of their own each."""
    cursor: Any = connection.connection.cursor()
    with cursor, connection.wrap_database_errors:
        if hasattr(cursor, "copy_expert"):
            cursor.copy_expert(statement, io.BytesIO(rows.encode()))
        else:
            with cursor.copy(statement) as copy:
                copy.write(rows)
