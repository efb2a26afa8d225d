"""One dedicated connection: the lock, and a clean state between migrations."""

from __future__ import annotations

import contextlib
import copy
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.connection import ConnectionDoesNotExist

from . import postgresql
from .errors import DatabaseError, LockError, nearest
from .results import Listener, Waiting

# A waiter asks again and again instead of blocking in pg_advisory_lock: the snapshot of a blocked statement would hold
# up a CREATE INDEX CONCURRENTLY of the lock's holder for ever (a deadlock that PostgreSQL ends by an error).
POLL_SECONDS = 0.2

# What a migration may have set and left behind. DISCARD ALL and pg_advisory_unlock_all would free the run lock too.
_RESET = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; DEALLOCATE ALL; CLOSE ALL; UNLISTEN *; DISCARD TEMP;"

# Strings are split with standard_conforming_strings on (scanner.py). A migration may wait or think for long.
_SET_UP = (
    "SET standard_conforming_strings = on; SET idle_session_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
)


class Session:
    """A connection of its own for one alias, in autocommit. Use `open_session`."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.alias = connection.alias
        self.reset_sql = ""

    def execute(self, sql: str) -> None:
        """Send `sql`, one statement or several, as one message. Raises django.db.Error."""
        with self.connection.wrap_database_errors, self.connection.connection.cursor() as cursor:
            cursor.execute(sql)

    def query(self, sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of one statement. Raises django.db.Error."""
        with self.connection.wrap_database_errors, self.connection.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def compose(self, sql: str, params: list[Any]) -> str:
        """`sql` with `params` as literals, quoted by the driver."""
        return str(self.connection.ops.compose_sql(sql, params))  # type: ignore[attr-defined]  # PostgreSQL's has it

    def copy_in(self, statement: str, rows: str) -> None:
        postgresql.copy_in(self.connection, statement, rows)

    def prepare(self) -> None:
        """Make the session ready to run migrations, and know how to make it so again (`reset_sql`)."""
        zone, role, user = self.query("SELECT current_setting('TimeZone'), current_user, session_user")[0]
        restore = self.compose("SELECT pg_catalog.set_config('TimeZone', %s, false);", [zone])
        if role != user:
            restore += f"SET ROLE {self.connection.ops.quote_name(role)};"
        self.reset_sql = f"{_RESET} {_SET_UP} {restore}"
        self.execute(_SET_UP)

    def rollback(self) -> None:
        """End a failed transaction; a connection that is gone has none."""
        with contextlib.suppress(Error):
            self.execute("ROLLBACK")

    @contextlib.contextmanager
    def lock(self, wait: float, listener: Listener) -> Iterator[None]:
        """Hold the run lock. While somebody else has it, `listener` is told who and for how long this waits.

        Raises LockError after `wait` seconds.
        """
        deadline = time.monotonic() + wait
        told = ""
        while not self.query("SELECT pg_catalog.pg_try_advisory_lock(%s)", [postgresql.LOCK_KEY])[0][0]:
            holder = self.lock_holder() or told or "another process"
            left = deadline - time.monotonic()
            if left <= 0:
                raise LockError(
                    f"Migrations of the database {self.alias!r} are being run by {holder}. Nothing was done. "
                    + (f"Waited {wait:g} s; --lock-wait sets how long. " if wait else "")
                    + "Run again when it is done."
                )
            if holder != told:
                told = holder
                listener(Waiting(holder, left))
            time.sleep(min(POLL_SECONDS, left))
        try:
            yield
        finally:
            with contextlib.suppress(Error):
                self.execute(f"ROLLBACK; SELECT pg_catalog.pg_advisory_unlock({postgresql.LOCK_KEY})")

    def lock_holder(self) -> str | None:
        """Who holds the run lock, in words, or None."""
        for pid, application, user, address, since in self.query(postgresql.LOCK_HOLDER):
            words = [f"pid {pid}"]
            words += [application] if application else []
            words += [f"user {user}"] if user else []
            words += [f"from {address}"] if address else []
            words += [f"connected since {since:%Y-%m-%d %H:%M:%S %Z}"] if since else []
            return ", ".join(words)
        return None


@contextlib.contextmanager
def open_session(alias: str) -> Iterator[Session]:
    """Connect to the database `alias` with its settings as they are now, and close the connection afterwards.

    What a migration does to its session reaches nobody else's. Raises DatabaseError if there is no such database,
    it is not PostgreSQL or cannot be reached.
    """
    try:
        theirs = connections[alias]
    except ConnectionDoesNotExist:
        raise DatabaseError(f"There is no database {alias!r} in DATABASES.{nearest(alias, connections)}") from None
    except ImproperlyConfigured as error:
        raise DatabaseError(f"The database {alias!r} cannot be used: {error}") from None
    if theirs.vendor != "postgresql":
        raise DatabaseError(
            f"The database {alias!r} is {theirs.display_name}; migrations run on PostgreSQL only. Set its ENGINE to "
            "'django.db.backends.postgresql', or name another one with --database."
        )
    connection = type(theirs)(_own_settings(theirs.settings_dict), alias)
    try:
        connection.ensure_connection()
    except (Error, ImproperlyConfigured) as error:
        raise DatabaseError(
            f"Cannot connect to the database {alias!r} ({_address(connection.settings_dict)}): {str(error).strip()}\n"
            "See that the server runs and that DATABASES has its address, user and password."
        ) from None
    try:
        yield Session(connection)
    finally:
        with contextlib.suppress(InterfaceError):
            connection.close()


def _own_settings(settings: dict[str, Any]) -> dict[str, Any]:
    own = copy.deepcopy(settings)
    options = own.setdefault("OPTIONS", {})
    options.pop("pool", None)
    options.pop("server_side_binding", None)
    options["application_name"] = f"medusa_migrations {socket.gethostname()}:{os.getpid()}"[:63]
    return own | {"CONN_MAX_AGE": 0, "ATOMIC_REQUESTS": False, "AUTOCOMMIT": True}


def _address(settings: dict[str, Any]) -> str:
    host = settings.get("HOST") or "local socket"
    port = f":{settings['PORT']}" if settings.get("PORT") else ""
    return f"{host}{port}, database {settings.get('NAME')!r}, user {settings.get('USER')!r}"
