"""Who blocks a statement that waits for a lock, found out over a second connection while it waits."""

from __future__ import annotations

import threading
import time
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.events import Blocked, Listener

# A statement that has run this long may be waiting; most have not, and then there is no second connection.
FIRST_LOOK_SECONDS = 0.25
NEXT_LOOK_SECONDS = 0.5

_QUERY = """
SELECT a.pid, a.application_name, a.usename, a.xact_start, a.query
FROM pg_catalog.pg_stat_activity a
WHERE a.pid = ANY (pg_catalog.pg_blocking_pids(%s))
ORDER BY a.xact_start
"""
_QUERY_LENGTH = 100


class BlockWatch:
    """Watches the backend `pid` through `connection`, which it opens when it first has to, in a thread of its own.

    Use it as a context manager, and call `begin` and `end` around each message. `last` is who blocked it last.
    """

    def __init__(self, connection: BaseDatabaseWrapper, pid: int, listener: Listener) -> None:
        self.connection, self.pid, self.listener = connection, pid, listener
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
                    self._look()
                    self._ended.wait(NEXT_LOOK_SECONDS)
        except Error:
            pass  # to know who blocks is a help, not a condition
        finally:
            self.connection.close()

    def _look(self) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(_QUERY, [self.pid])
            found = "; ".join(_described(*row) for row in cursor.fetchall())
        if found:
            self.last = found
            if found != self._told:
                self._told = found
                self.listener(Blocked(found))


def _described(pid: int, application: str, user: str, since: Any, query: str) -> str:
    words = [f"pid {pid}", *([application] if application else []), f"user {user}"]
    words += [f"in its transaction since {since:%Y-%m-%d %H:%M:%S %Z}"] if since else []
    text = " ".join((query or "").split())
    return f"{', '.join(words)}, last query: {text[:_QUERY_LENGTH]}" + ("…" if len(text) > _QUERY_LENGTH else "")
