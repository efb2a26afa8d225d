"""What a run needs of the client's memory and of the server's connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from ..tools.measure import measure
from ..tools.server import Address, Server
from .goal import Goal, counted
from .site import JOBS, Site

_CONNECTED = """
SELECT count(*), count(*) FILTER (WHERE wait_event_type = 'Lock') FROM pg_catalog.pg_stat_activity
WHERE datname = '{}' AND backend_type = 'client backend' AND application_name LIKE 'medusa_migrations%'
"""

# Longer than it takes until a run looks who blocks it.
_BLOCKED_SECONDS = 2.0


class Watched(threading.Thread):
    """Looks how many connections a database has, and keeps the most; `waiting` are those that wait for a lock now."""

    def __init__(self, server: Server, address: Address) -> None:
        super().__init__(daemon=True)
        self._connection = psycopg2.connect(server.address.url)
        self._connection.autocommit = True
        self._sql = _CONNECTED.format(address.database)
        self.most = self.waiting = 0
        self.is_over = threading.Event()

    def run(self) -> None:
        with self._connection.cursor() as cursor:
            while not self.is_over.wait(0.01):
                cursor.execute(self._sql)
                now, self.waiting = cursor.fetchone() or (0, 0)
                self.most = max(self.most, now)
        self._connection.close()


@contextmanager
def watched(server: Server, address: Address) -> Iterator[Watched]:
    """Meanwhile the connections to a database are counted."""
    thread = Watched(server, address)
    thread.start()
    try:
        yield thread
    finally:
        thread.is_over.set()
        thread.join()


def of_all(site: Site, address: Address, count: int) -> Iterator[Goal]:
    """Apply all in `count` empty schemas: to the first of them alone before."""
    one = measure(site.run(address, "one"))
    many = site.applying(site.run(address), address, count)
    print(f"peak memory, MB: one schema {one.peak / 1e6:.1f}, {count} schemas {many.peak / 1e6:.1f}")
    yield counted(f"peak memory, {count} schemas", round(many.peak / one.peak, 3), 1.25, "x that of one")


def when_all_wait(site: Site) -> Iterator[Goal]:
    """The most connections while each target that is under way waits for a lock, and sees who has it."""
    address = site.with_schemas(2 * JOBS)
    measure(site.run(address, "schemas", "--to", "app.20240101000000_b0"))  # makes the histories, and the ledger
    blocker = psycopg2.connect(address.url)
    with watched(site.server, address) as seen, blocker.cursor() as cursor:
        cursor.execute("LOCK TABLE pg_catalog.pg_class IN SHARE MODE")  # nobody makes a table meanwhile
        thread = threading.Thread(target=lambda: measure(site.run(address)))
        thread.start()
        while seen.waiting < JOBS and thread.is_alive():
            time.sleep(0.01)
        time.sleep(_BLOCKED_SECONDS)
        blocker.rollback()
        thread.join()
    blocker.close()
    yield counted(f"connections, {JOBS} jobs that all wait", seen.most, 2 * JOBS + 1, "")
