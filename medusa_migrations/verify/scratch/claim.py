"""The lock of a scratch database's name, which tells those that somebody uses from those that were left."""

from __future__ import annotations

import hashlib

from medusa_migrations.database.session import Session


def claim(session: Session, name: str) -> bool:
    """Take the lock of the database `name` for as long as the session lasts; False if another session has it.

    An advisory lock is one of the database that a session is in, and others may hold theirs from another.
    """
    if not session.query(f"SELECT pg_catalog.pg_try_advisory_lock({lock_key(name)})")[0][0]:
        return False
    if holder(session, name) is None:
        return True
    release(session, name)
    return False


def holder(session: Session, name: str) -> str | None:
    """Which other session has the lock of the database `name`, in words, or None."""
    key = lock_key(name) & 0xFFFFFFFFFFFFFFFF  # shown as two halves, with objsubid 1 (manual, 54.12)
    rows = session.query(f"""
        SELECT l.pid, a.application_name FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_catalog.pg_backend_pid()
          AND l.classid = {key >> 32}::pg_catalog.oid AND l.objid = {key & 0xFFFFFFFF}::pg_catalog.oid
    """)
    return ", ".join(f"pid {pid}" + (f", {name}" if name else "") for pid, name in rows[:1]) or None


def release(session: Session, name: str) -> None:
    session.settle(f"SELECT pg_catalog.pg_advisory_unlock({lock_key(name)})")


def lock_key(name: str) -> int:
    """The number of the advisory lock of the database `name`."""
    digest = hashlib.sha256(f"medusa_migrations scratch {name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
