"""Who is running migrations of a database, which one, and how far it is."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.db import Error

from medusa_migrations.errors import DatabaseError
from medusa_migrations.migration import MigrationId
from medusa_migrations.results import AtWork, BackfillProgress

from .history import History
from .index_progress import index_progress
from .lock import LockHolder
from .place import Place, find
from .postgresql import identifier
from .session import Mark, Session

_UNDER_WAY = """
SELECT app::text, name::text, progress ->> 'backfills'::text FROM {}
WHERE state::text IN ('running', 'reverting') ORDER BY applied_at DESC LIMIT 1
"""

_ESTIMATE = "SELECT c.reltuples::int8 FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(%s)::oid"


def at_work(session: Session, holder: LockHolder | None) -> AtWork | None:
    """What `holder` of the run lock does, None without one. What cannot be known of it is left out."""
    if holder is None:
        return None
    found = AtWork(holder.text, holder.pid, _under_way(session, holder.mark) if holder.mark else None)
    try:
        with session.connection.cursor() as cursor:
            found = found._replace(indexing=index_progress(cursor, holder.pid))
        history = find(session, Place.for_session(session).name)
        rows = session.query(_UNDER_WAY.format(history.name)) if history and history.is_history() else []
        for app, name, progress in rows:
            found = found._replace(id=found.id or MigrationId(app, name))
            if found.id == (app, name):
                found = found._replace(backfills=tuple(_backfills(session, progress)))
    except Error:  # of another version of the history, or of rights: who is at work is known all the same
        session.rollback()
    return found


def _under_way(session: Session, mark: Mark) -> MigrationId | None:
    if mark.direction is None:
        return mark.under_way(())
    try:
        there = History(session).checksums()
    except DatabaseError:  # who holds the lock is known all the same
        return None
    return None if there is None else mark.under_way(there)


def _backfills(session: Session, progress: str | None) -> Iterator[BackfillProgress]:
    """Those that are not done, as `run.python.backfill.Reached` keeps them."""
    for name, reached in json.loads(progress or "{}").items():
        if not reached.get("is_done"):
            table = ".".join(identifier(part) for part in name.partition(" #")[0].split("."))
            estimates = session.query(_ESTIMATE, [table])
            rows = reached.get("rows", 0)
            yield BackfillProgress(name, rows, max(rows, estimates[0][0] if estimates else 0))
