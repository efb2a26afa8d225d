"""One dedicated connection: the lock, and a clean state between migrations."""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import re
import socket
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, Error, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.errors import DatabaseError, LockError, nearest
from medusa_migrations.events import Listener, Waiting
from medusa_migrations.migration import MigrationId

from . import postgresql
from .blockers import BlockWatch
from .interruption import Interruption, StopRequested
from .postgresql import server_error

# A waiter asks again and again instead of blocking in pg_advisory_lock: the snapshot of a blocked statement would hold
# up a CREATE INDEX CONCURRENTLY of the lock's holder for ever (a deadlock that PostgreSQL ends by an error).
POLL_SECONDS = 0.2

# What a migration may have set and left behind. DISCARD ALL and pg_advisory_unlock_all would free the run lock too.
_RESET = (
    "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; DEALLOCATE ALL; CLOSE ALL; UNLISTEN *;"
    " DISCARD TEMP; DISCARD SEQUENCES;"
)

# Strings are split with standard_conforming_strings on (scanner.py). A migration may wait or think for long.
_SET_UP = (
    "SET standard_conforming_strings = on; SET idle_session_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
)

# A client that was killed is noticed within this time, and its statement rolled back. Not every platform can.
_CLIENT_CHECK = "SET client_connection_check_interval = '500ms';"

# A connection that was cut is noticed within about a minute (libpq's parameters; the server's own default is 2 hours).
_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


# Every migration's message begins with its id, for whoever looks at pg_stat_activity.
_MARK = re.compile(r"/\* (\S+) \*/")


def mark(id_: MigrationId) -> str:
    """The comment that a migration's message begins with."""
    return f"/* {id_} */ "


class LockHolder(NamedTuple):
    """Who holds the run lock, in words, and the id of the migration it is working on, if that can be seen."""

    text: str
    running: str | None


class Session:
    """A connection of its own for one alias, in autocommit. Use `open_session`."""

    def __init__(self, connection: BaseDatabaseWrapper, interruption: Interruption) -> None:
        self.connection = connection
        self.alias = connection.alias
        self.interruption = interruption
        self.notices: list[str] = postgresql.collect_notices(connection)
        self.reset_sql = ""
        self.as_ourselves_sql = ""
        self.check_lock_sql = ""
        self.watch: BlockWatch | None = None

    def execute(self, sql: str) -> None:
        """Send `sql`, one statement or several, as one message. Raises django.db.Error, StopRequested."""
        with self.sending(), self._cursor() as cursor:
            cursor.execute(sql)

    def query(self, sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of one statement. Raises django.db.Error, StopRequested."""
        with self.sending(), self._cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def copy_in(self, statement: str, rows: str) -> None:
        """Run COPY … FROM stdin with its `rows`. Raises django.db.Error, StopRequested."""
        with self.sending():
            postgresql.copy_in(self.connection, statement, [rows.encode()])

    def insist(self, sql: str) -> None:
        """Send what must be known of work that is done, also after a stop was requested. Raises django.db.Error."""
        try:
            self._send_uninterrupted(sql)
        except Error as error:
            if not (self.interruption.is_requested and server_error(error).sqlstate == postgresql.QUERY_CANCELED):
                raise
            self._send_uninterrupted(f"ROLLBACK; {sql}")  # the cancel that came first was meant for another

    def settle(self, sql: str) -> None:
        """Send what ends a run, also after a stop was requested; a connection that is gone needs no ending."""
        with contextlib.suppress(Error):
            self._send_uninterrupted(sql)

    def _send_uninterrupted(self, sql: str) -> None:
        if self.interruption.is_requested:
            self.interruption.detach()
        with self.connection.wrap_database_errors, self._cursor() as cursor:
            cursor.execute(sql)

    def compose(self, sql: str, params: list[Any]) -> str:
        """`sql` with `params` as literals, quoted by the driver."""
        return str(self.connection.ops.compose_sql(sql, params))  # type: ignore[attr-defined]  # PostgreSQL's has it

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """While something is sent: a stop that was requested ends it, and who blocks it is told.

        Raises django.db.Error, StopRequested.
        """
        self.interruption.check()
        if self.watch:
            self.watch.begin()
        try:
            with self.connection.wrap_database_errors, self.interruption.in_code(False):
                yield
        except Error as error:
            if self.interruption.is_requested and server_error(error).sqlstate == postgresql.QUERY_CANCELED:
                raise StopRequested(self.interruption.reason) from error
            raise
        finally:
            if self.watch:
                self.watch.end()

    def rollback(self) -> None:
        """End a failed transaction, if there is one; a connection that is gone has none."""
        if not postgresql.is_idle(self.connection):  # or the server would warn in its log
            self.settle("ROLLBACK")

    def reach(self, number: int, *, is_first: bool) -> str:
        """SQL that notes that the migration `number` is done, as a lock of this session, which no rollback undoes.

        Unless it is the first of a message, it takes the place of the one before.
        """
        before = "" if is_first else f", pg_catalog.pg_advisory_unlock({postgresql.REACHED_KEY}, {number - 1})"
        return f"SELECT pg_catalog.pg_try_advisory_lock({postgresql.REACHED_KEY}, {number}){before};"

    def reached(self) -> int:
        """The last number that was noted, 0 if none was; ends the transaction, also after a stop."""
        self.rollback()
        with contextlib.suppress(Error), self.connection.wrap_database_errors, self._cursor() as cursor:
            cursor.execute(postgresql.REACHED)
            return int(cursor.fetchone()[0])
        return 0

    def _cursor(self) -> Any:
        """One of the driver's."""
        return self.connection.connection.cursor()

    def refuse_unusable(self) -> None:
        """Raise DatabaseError where no migration can run: on a standby, or where transactions only read."""
        standby, read_only = self.query(
            "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')"
        )[0]
        if standby:
            raise DatabaseError(
                f"The server of the database {self.alias!r} is a standby: it can only be read. Nothing was run. "
                "Point this alias at the primary."
            )
        if read_only == "on":
            raise DatabaseError(
                f"Transactions in the database {self.alias!r} are read-only (default_transaction_read_only is on). "
                "Nothing was run. Set it off for this database user, or use another."
            )

    def prepare(self) -> None:
        """Make the session ready to run migrations, and know how to make it so again (`reset_sql`).

        `as_ourselves_sql` ends what the author's statements have begun, and does without their role and timeout, for
        what is written in a transaction of theirs.
        """
        role, user = self.query("SELECT current_user, session_user")[0]
        restore = f"SET ROLE {self.connection.ops.quote_name(role)};" if role != user else ""
        # What Django and receivers of its connection_created have set, the time zone first of all.
        for name, value in self.query("SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session'"):
            restore += self.compose("SELECT pg_catalog.set_config(%s, %s, false);", [name, value])
        set_up = _SET_UP
        self.execute(_SET_UP)
        with contextlib.suppress(DataError):
            self.execute(_CLIENT_CHECK)
            set_up += _CLIENT_CHECK
        self.reset_sql = f"{_RESET} {set_up} {restore}"
        own_role = self.connection.ops.quote_name(role) if role != user else "NONE"
        self.as_ourselves_sql = (
            f"{postgresql.CHECK_DEFERRED} SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL ROLE {own_role}; "
            "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;"
        )

    @contextlib.contextmanager
    def watched(self, listener: Listener) -> Iterator[None]:
        """Meanwhile tell `listener` who blocks a statement that waits."""
        settings = copy.deepcopy(self.connection.settings_dict)
        settings["OPTIONS"]["connect_timeout"] = 3  # the run waits for this connection at its end
        twin = type(self.connection)(settings, self.alias)
        try:
            with BlockWatch(twin, postgresql.backend_pid(self.connection), listener) as self.watch:
                yield
        finally:
            self.watch = None

    @contextlib.contextmanager
    def lock(self, wait: float, listener: Listener) -> Iterator[None]:
        """Hold the run lock. While somebody else has it, `listener` is told who and for how long this waits.

        Raises LockError after `wait` seconds, and where a pooler would give the lock to another client.
        """
        self._refuse_pooler()
        self._wait_for_lock(wait, listener)
        self.execute("SET idle_session_timeout = 0")  # it may be held for long before the first migration
        self.check_lock_sql = postgresql.CHECK_LOCK
        try:
            yield
        finally:
            self.rollback()
            self.settle(postgresql.UNLOCK)

    def _refuse_pooler(self) -> None:
        if self.query("SELECT pg_catalog.pg_backend_pid()")[0][0] != postgresql.backend_pid(self.connection):
            raise LockError(
                f"The database {self.alias!r} is behind a pooler that gives every transaction another server process, "
                "so a lock would be left with somebody else. Nothing was run. Connect to the server itself for "
                "migrations. Where it is certain that only one run is under way, --no-lock does without."
            )

    def _wait_for_lock(self, wait: float, listener: Listener) -> None:
        deadline = time.monotonic() + wait
        told = ""
        while not self.query(postgresql.TRY_LOCK)[0][0]:
            found = self.lock_holder()
            holder = found.text if found else told or "another process"
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
            self.interruption.wait(min(POLL_SECONDS, left))

    def lock_holder(self) -> LockHolder | None:
        """Who holds the run lock, or None."""
        for pid, application, user, address, since, query in self.query(postgresql.LOCK_HOLDER):
            words = [f"pid {pid}"]
            words += [application] if application else []
            words += [f"user {user}"] if user else []
            words += [f"from {address}"] if address else []
            words += [f"connected since {since:%Y-%m-%d %H:%M:%S %Z}"] if since else []
            working_on = _MARK.match(query or "")
            return LockHolder(", ".join(words), working_on[1] if working_on else None)
        return None


@contextlib.contextmanager
def open_session(alias: str, interruption: Interruption | None = None) -> Iterator[Session]:
    """Connect to the database `alias` with its settings as they are now, and close the connection afterwards.

    What a migration does to its session reaches nobody else's. Raises DatabaseError if there is no such database,
    it is not PostgreSQL, cannot be reached or fails.
    """
    with connected(alias, interruption) as session, database_errors(alias):
        yield session


@contextlib.contextmanager
def connected(alias: str, interruption: Interruption | None = None) -> Iterator[Session]:
    """As `open_session`, where not all errors of a database meanwhile are this session's."""
    connection = _connect(alias)
    interruption = interruption or Interruption()
    try:
        with interruption.cancels(functools.partial(postgresql.cancel, connection)):
            yield Session(connection, interruption)
    finally:
        with contextlib.suppress(InterfaceError):
            connection.close()


@contextlib.contextmanager
def database_errors(alias: str) -> Iterator[None]:
    """Raise DatabaseError for what nobody has made more of."""
    try:
        yield
    except Error as error:
        raise DatabaseError(
            f"The database {alias!r} failed: {server_error(error).message}\nmigrations_show tells what is applied."
        ) from error


def _connect(alias: str) -> BaseDatabaseWrapper:
    if alias not in list(connections):  # Django looks aliases up as attributes: "__class__" would be found
        raise DatabaseError(f"There is no database {alias!r} in DATABASES.{nearest(alias, connections)}")
    try:
        theirs = connections[alias]
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
    return connection


def _own_settings(settings: dict[str, Any]) -> dict[str, Any]:
    own = copy.deepcopy(settings)
    options = _KEEPALIVES | own.get("OPTIONS", {})
    options.pop("pool", None)
    options.pop("server_side_binding", None)
    options["application_name"] = f"medusa_migrations {socket.gethostname()}:{os.getpid()}"[:63]
    return own | {"OPTIONS": options, "CONN_MAX_AGE": 0, "ATOMIC_REQUESTS": False, "AUTOCOMMIT": True}


def _address(settings: dict[str, Any]) -> str:
    host = settings.get("HOST") or "local socket"
    port = f":{settings['PORT']}" if settings.get("PORT") else ""
    return f"{host}{port}, database {settings.get('NAME')!r}, user {settings.get('USER')!r}"
