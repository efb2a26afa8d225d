"""Who blocks a statement that waits for a lock, and how far an index is, found out over a second connection."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from medusa_migrations.errors import MigrationError
from medusa_migrations.events import Blocked, Indexing, Listener
from medusa_migrations.messages import N_, joined

from .index_progress import index_progress
from .postgresql import text_of

# A statement that has run this long may be waiting; most have not, and then there is no second connection.
FIRST_LOOK_SECONDS = 0.25
NEXT_LOOK_SECONDS = 0.5

_PIDS = "SELECT pg_catalog.pg_blocking_pids(%s)"

_SESSIONS = """
SELECT a.pid, a.application_name, pg_catalog.textsend(a.usename::text), a.xact_start, pg_catalog.textsend(a.query)
FROM pg_catalog.pg_stat_activity a
WHERE a.pid = ANY (%s)
ORDER BY a.xact_start
"""

# A prepared transaction has no process: pg_blocking_pids() gives 0 for it. All its locks have the same virtual
# transaction, that on its own number too; which one that is differs by version.
_PREPARED = """
SELECT pg_catalog.textsend(p.gid), pg_catalog.textsend(p.owner::text), p.prepared
FROM pg_catalog.pg_prepared_xacts p
JOIN pg_catalog.pg_locks own ON own.transactionid = p.transaction AND own.granted AND own.pid IS NULL
WHERE EXISTS (
    SELECT FROM pg_catalog.pg_locks h JOIN pg_catalog.pg_locks w ON (
        h.locktype, h.database, h.relation, h.page, h.tuple, h.transactionid, h.classid, h.objid, h.objsubid
    ) IS NOT DISTINCT FROM (
        w.locktype, w.database, w.relation, w.page, w.tuple, w.transactionid, w.classid, w.objid, w.objsubid
    )
    WHERE w.pid = %s AND NOT w.granted
      AND h.granted AND h.pid IS NULL AND h.virtualtransaction = own.virtualtransaction
)
ORDER BY p.prepared
"""

_QUERY_LENGTH = 100

# Where the first constant of a statement begins: '…', E'…', $$…$$, or a number.
_CONSTANT = re.compile(r"(?:\b(?:[ebxn]|u&))?'|\$\w*\$|(?<![\w$])\d", re.IGNORECASE)


class BlockWatch:
    """Watches the backend `pid` through `connection`, which it opens when it first has to, in a thread of its own.

    It has the `settings` of that moment. `set_up` is sent over it first, since a role may have a timeout for idle
    sessions.

    Use it as a context manager, and call `begin` and `end` around each message. `last` is who blocked it last.
    """

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        settings: Callable[[], dict[str, Any]],
        set_up: str,
        pid: int,
        listener: Listener,
    ) -> None:
        self.connection, self.settings, self.set_up = connection, settings, set_up
        self.pid, self.listener = pid, listener
        self.last = ""
        self._since: float | None = None
        self._told = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="medusa_migrations blockers", daemon=True)

    def __enter__(self) -> BlockWatch:
        self.connection.inc_thread_sharing()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def begin(self) -> None:
        """A message is being sent."""
        self.last = ""
        self._since = time.monotonic()

    def end(self) -> None:
        """It was answered."""
        self._since = None

    def _watch(self) -> None:
        try:
            while not self._ended.wait(FIRST_LOOK_SECONDS):
                since = self._since
                if since is not None and time.monotonic() - since >= FIRST_LOOK_SECONDS:
                    self._look(since)
                    self._ended.wait(NEXT_LOOK_SECONDS)
        except (Error, MigrationError):
            pass  # to know who blocks is a help, not a condition
        finally:
            self.connection.close()

    def _look(self, since: float) -> None:
        is_new = self.connection.connection is None
        if is_new:
            self.connection.settings_dict = self.settings()
        with self.connection.cursor() as cursor:
            if is_new:
                cursor.execute(self.set_up)
            found = joined("; ", self._blockers(cursor))
            progress = None if found else index_progress(cursor, self.pid)
        if progress and self._since == since:
            self.listener(Indexing(progress))
        if found:
            self.last = found
            if found != self._told:
                self._told = found
                self.listener(Blocked(found))

    def _blockers(self, cursor: CursorWrapper) -> Iterator[str]:
        """Each of those that hold what is waited for, in words."""
        cursor.execute(_PIDS, [self.pid])
        (pids,) = cursor.fetchall()[0]
        if pids:
            cursor.execute(_SESSIONS, [pids])
            for row in cursor.fetchall():
                yield _session(*row)
        if 0 in pids:
            cursor.execute(_PREPARED, [self.pid])
            for gid, owner, since in cursor.fetchall():
                yield N_(
                    "the prepared transaction {transaction!r}, user {user}, since {since:%Y-%m-%d %H:%M:%S %Z}, "
                    "until COMMIT PREPARED or ROLLBACK PREPARED",
                    transaction=text_of(gid),
                    user=text_of(owner),
                    since=since,
                )


def _session(pid: int, application: str, user: Any, since: Any, query: Any) -> str:
    words = [N_("pid {pid}", pid=pid), *([application] if application else []), N_("user {user}", user=text_of(user))]
    words += [N_("in its transaction since {since:%Y-%m-%d %H:%M:%S %Z}", since=since)] if since else []
    words += [N_("last query: {query}", query=first_words(text_of(query)))]
    return joined(", ", words)


def first_words(query: str) -> str:
    """The beginning of a statement up to its first constant, which may be a password and is not for a log."""
    text = " ".join(query.split())
    constant = _CONSTANT.search(text)
    shown = text[: min(constant.start() if constant else len(text), _QUERY_LENGTH)].rstrip()
    return shown + ("…" if len(shown) < len(text) else "")
