"""One dedicated connection: what is sent over it, and a clean state between migrations."""

from __future__ import annotations

import contextlib
import copy
import functools
import re
from collections.abc import Callable, Container, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import DataError, Error
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.errors import DatabaseError
from medusa_migrations.events import Listener, Remarked, ignore
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, MigrationId

from . import postgresql
from .destination import Destination, FleetTarget, named, target_of
from .interruption import Interruption, StopRequested
from .postgresql import Notice, literal, server_error

if TYPE_CHECKING:
    from .blockers import BlockWatch
    from .keys import RunLock

# What a migration may have set and left behind. DISCARD ALL and pg_advisory_unlock_all would free the run lock too.
_RESET = (
    "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; DEALLOCATE ALL; CLOSE ALL; UNLISTEN *;"
    " DISCARD TEMP; DISCARD SEQUENCES;"
)

# How soon the server gives up a client that has vanished without a word, and so frees its lock: sooner than a run waits
# for the lock, later than most networks falter.
VANISHED_SECONDS = 45

# Strings are split with standard_conforming_strings on (scanner.py). A migration may wait or think for long.
_SET_UP = "SET standard_conforming_strings = on; SET idle_in_transaction_session_timeout = 0;"

# What `refuse_unusable` asks.
_USABLE = """
SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only'),
    EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname::text = 'citus'::text)
"""

# Its server has it since version 17.
_TRANSACTION_TIMEOUT = "SET transaction_timeout = 0;"
_TRANSACTION_TIMEOUT_SINCE = 170000

# A client that was killed is noticed within this time, and its statement rolled back. Not every platform can.
_CLIENT_CHECK = "SET client_connection_check_interval = '500ms';"

# The role, and what Django and receivers of its connection_created have set, the time zone first of all, save what
# `hold_sql` sets.
_SET_BY_OTHERS = """
SELECT current_user, session_user, ARRAY(
    SELECT ARRAY[name, setting] FROM pg_catalog.pg_settings
    WHERE source = 'session' AND name NOT IN (
        'idle_session_timeout', 'tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count',
        'tcp_user_timeout'
    )
)
"""


def hold_sql() -> str:
    """SQL that lets a session last while it is idle, and not much longer than its client.

    The server asks an idle client a first time after a third of the time; an answer that it waits for counts from its
    beginning (tcp_user_timeout). Over a Unix socket, and where the platform has no such option, the server takes the
    settings and leaves it at that (assign_tcp_keepalives_idle in its pqcomm.c).
    """
    step = max(1, VANISHED_SECONDS // 6)
    return (
        f"SET idle_session_timeout = 0; SET tcp_keepalives_idle = {2 * step}; SET tcp_keepalives_interval = {step}; "
        f"SET tcp_keepalives_count = 4; SET tcp_user_timeout = '{VANISHED_SECONDS}s';"
    )


# A value that SET takes as one string for settings of one value and of several alike, for less than set_config.
_SIMPLE = re.compile(r"[A-Za-z][A-Za-z0-9_/+-]*")


def _setting(name: str, value: str) -> str:
    if _SIMPLE.fullmatch(value) and _SIMPLE.fullmatch(name):
        return f"SET \"{name}\" = '{value}';"
    return f"SELECT pg_catalog.set_config({literal(name)}, {literal(value)}, false);"


# What a message begins with, in whose text pg_stat_activity has: the direction of several, and ids. It may be cut off.
_MARK = re.compile(r"/\* (?:(up|down) )?((?:[\w.-]+ )+)")


class Mark(NamedTuple):
    """The ids of the migrations that a message carries out; `direction` is None where it is one."""

    direction: Direction | None
    ids: tuple[MigrationId, ...]

    def under_way(self, there: Container[MigrationId]) -> MigrationId | None:
        """The first that is not done, of several by what is `there` in the history; None if none can be seen."""
        if self.direction is None:
            return self.ids[0]
        is_down = self.direction is Direction.DOWN
        return next((id_ for id_ in self.ids if (id_ in there) == is_down), None)


def mark(*ids: MigrationId, direction: Direction | None = None) -> str:
    """A message's mark, as a comment. It leaves out ids that no file can have, which might end the comment."""
    named = [str(id_) for id_ in ids if MigrationId.parse(str(id_))]
    way = f"{direction} " if direction else ""
    return f"/* {way}{' '.join(named)} */ " if named else ""


def read_mark(sent: str) -> Mark | None:
    """The mark of what was sent, None if it has none."""
    found = _MARK.match(sent)
    if not found:
        return None
    ids = (MigrationId._make(text.partition(".")[::2]) for text in found[2].split())
    return Mark(Direction(found[1]) if found[1] else None, tuple(ids))


class SessionSql(NamedTuple):
    """SQL that keeps a session fit for the next migration, whatever the one before has done to it.

    `reset` puts the session back as it was prepared. `as_ourselves` ends what the author's statements have begun, and
    does without their role and timeouts, for what is written in a transaction of theirs. `elsewhere` is `reset` for
    another client's session, maybe on a server of another version.
    """

    reset: str
    as_ourselves: str
    elsewhere: str


class Session:
    """A connection of its own for one alias or target, in autocommit; connect.py opens and closes it.

    Of a target, `alias` is that whose settings it has. `schema_oid` is the server's number of its schema, None without.
    `is_citus` tells that the database has the extension, or is getting it: then statements are sent one by one, and
    `sent_at` is where the last one is in its message.
    """

    def __init__(
        self, connection: BaseDatabaseWrapper, interruption: Interruption, where: Destination | None = None
    ) -> None:
        self.connection = connection
        self.alias = connection.alias
        self.where: Destination = self.alias if where is None else where
        self.schema_oid: int | None = None
        self.is_citus = False  # until `refuse_unusable`
        self.sent_at = 0
        self.settings_now: Callable[[], dict[str, Any]] | None = (
            None  # where they change, those of a further connection
        )
        self.interruption = interruption
        self.notices = postgresql.collect_notices(connection)
        self.watch: BlockWatch | None = None
        self._listener: Listener = ignore  # while migrations run
        self._has_told_encoding = False

    @property
    def target(self) -> FleetTarget | None:
        """The target that this is for, None for the database of an alias."""
        return target_of(self.where)

    @property
    def schema(self) -> str | None:
        """The schema of the target, None where there is none."""
        return self.target.schema if self.target else None

    @property
    def named(self) -> str:
        """How messages call the database or the target."""
        return named(self.where)

    @property
    def database_name(self) -> str:
        """How the server calls the database."""
        return str(self.connection.connection.info.dbname)

    @functools.cached_property
    def lock(self) -> RunLock:
        """The SQL of the run lock, that of the database or of the schema."""
        from .keys import OF_DATABASE, of_schema  # a run that has nothing to do takes none

        if self.schema is None or self.schema_oid is None:
            return OF_DATABASE
        return of_schema(self.schema, self.schema_oid)

    def execute(self, sql: str) -> None:
        """Send `sql`, one statement or several, as one message. Raises django.db.Error, StopRequested."""
        with self.sending(), self._cursor() as cursor:
            self._send(cursor, sql)

    def _send(self, cursor: Any, sql: str) -> None:
        if not self.is_citus:
            cursor.execute(sql)
            return
        from .citus import parts, say_nothing_of_transactions

        found = parts(sql)
        is_alone = len(found) == 1 or not postgresql.is_idle(self.connection) or not say_nothing_of_transactions(found)
        with contextlib.nullcontext() if is_alone else self._transaction(cursor):
            for part in found:
                self.sent_at = part.start
                cursor.execute(part.sql)

    @contextlib.contextmanager
    def _transaction(self, cursor: Any) -> Iterator[None]:
        """What the server has for the statements of one message."""
        is_done = False
        cursor.execute("BEGIN")
        try:
            yield
            cursor.execute("COMMIT")
            is_done = True
        finally:
            if not is_done:
                with contextlib.suppress(Error), self.connection.wrap_database_errors:
                    cursor.execute("ROLLBACK")

    def query(self, sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement, of several that of the last. Raises django.db.Error, StopRequested."""
        with self.sending(), self._cursor() as cursor:
            if params is None:
                self._send(cursor, sql)
            else:
                self.sent_at = 0
                cursor.execute(sql, params)
            return postgresql.last_rows(cursor)

    def copy_in(self, statement: str, rows: str) -> None:
        """Run COPY … FROM stdin with its `rows`. Raises django.db.Error, StopRequested."""
        self.sent_at = 0
        with self.sending():
            postgresql.copy_in(self.connection, statement, [rows.encode()])

    def insist(self, sql: str) -> list[tuple[Any, ...]]:
        """Send what must be known of work that is done, also after a stop was requested, and give its rows.

        Raises django.db.Error.
        """
        try:
            return self._send_uninterrupted(sql)
        except Error as error:
            if not (self.interruption.is_requested and server_error(error).sqlstate == postgresql.QUERY_CANCELED):
                raise
            self._send_uninterrupted("ROLLBACK")
            return self._send_uninterrupted(sql)  # the cancel that came first was meant for another

    def settle(self, sql: str) -> None:
        """Send what ends a run, also after a stop was requested; a connection that is gone needs no ending."""
        with contextlib.suppress(Error):
            self._send_uninterrupted(sql)

    def _send_uninterrupted(self, sql: str) -> list[tuple[Any, ...]]:
        if self.interruption.is_requested:
            self.interruption.detach()
        with self.connection.wrap_database_errors, self._cursor() as cursor:
            self._send(cursor, sql)
            rows = postgresql.last_rows(cursor)
            self._keep_utf8()
        return rows

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
                self._keep_utf8()
        except Error as error:
            with contextlib.suppress(Error), self.connection.wrap_database_errors:
                self._keep_utf8()
            if self.interruption.is_requested and server_error(error).sqlstate == postgresql.QUERY_CANCELED:
                raise StopRequested(self.interruption.reason) from error
            raise
        finally:
            if self.watch:
                self.watch.end()

    def _keep_utf8(self) -> None:
        """Set client_encoding back at once if what was sent has changed it: all that is sent is UTF-8.

        Else the server would take it for something else, or the driver could not write it. What is in the same message
        is not touched: the server has read that before. In a transaction that has failed, its end sets it back.
        """
        encoding = postgresql.foreign_encoding(self.connection)
        if not encoding:
            return
        with self._cursor() as cursor:
            cursor.execute("SET client_encoding = 'UTF8'")
        if not self._has_told_encoding:
            self._has_told_encoding = True
            self._listener(
                Remarked(
                    N_(
                        "The migration has set client_encoding to {encoding}. What is sent is UTF-8, so it is UTF8 "
                        "again.",
                        encoding=encoding,
                    )
                )
            )

    def take_notices(self) -> list[Notice]:
        """What the server has said besides since the last time."""
        taken = list(self.notices)
        self.notices.clear()
        if all(one.is_warning is not None for one in taken):
            return taken
        word = self._warning_word()
        return [one._replace(is_warning=postgresql.severity(one.text) == word) for one in taken]

    def _warning_word(self) -> str | None:
        """How the server's language calls a warning: it gives one for a SET LOCAL that stands outside a transaction."""
        if not postgresql.is_idle(self.connection):
            return None
        self.settle("SET LOCAL lock_timeout = DEFAULT")
        return postgresql.severity(self.notices.pop().text) if self.notices else None

    def rollback(self) -> None:
        """End a failed transaction, if there is one; a connection that is gone has none."""
        if not postgresql.is_idle(self.connection):  # or the server would warn in its log
            self.settle("ROLLBACK")

    def reach(self, number: int, *, is_first: bool) -> str:
        """SQL that notes that the migration `number` is done, as a lock of this session, which no rollback undoes.

        Unless it is the first of a message, it takes the place of the one before.
        """
        before = "" if is_first else f", pg_catalog.pg_advisory_unlock_shared({postgresql.REACHED_KEY}, {number - 1})"
        return f"SELECT pg_catalog.pg_try_advisory_lock_shared({postgresql.REACHED_KEY}, {number}){before};"

    def reached(self) -> int:
        """The last number that was noted, 0 if none was; ends the transaction, also after a stop."""
        self.rollback()
        with contextlib.suppress(Error):
            return int(self.insist(postgresql.REACHED)[0][0])
        return 0

    def _cursor(self) -> Any:
        """One of the driver's."""
        cursor = self.connection.connection.cursor()
        postgresql.keep_time_zones(cursor)
        return cursor

    def refuse_unusable(self) -> None:
        """Raise DatabaseError where no migration can run: on a standby, a worker, or where transactions only read."""
        standby, read_only, self.is_citus = self.query(_USABLE)[0]
        if standby:
            raise DatabaseError(
                N_(
                    "The server of the {where} is a standby: it can only be read. Nothing was run. Point this alias at "
                    "the primary.",
                    where=self.named,
                )
            )
        if read_only == "on":
            raise DatabaseError(
                N_(
                    "Transactions in the {where} are read-only (default_transaction_read_only is on). Nothing was run. "
                    "Set it off for this database user, or use another.",
                    where=self.named,
                )
            )
        if self.is_citus:
            from .citus import refuse_worker

            refuse_worker(self)

    def prepare(self) -> SessionSql:
        """Make the session fit to run migrations, and return the SQL that makes it so again."""
        role, user, set_by_others = self.query(_SET_BY_OTHERS)[0]
        own_role = self.connection.ops.quote_name(role) if role != user else ""
        restore = f"SET ROLE {own_role};" if own_role else ""
        for name, value in set_by_others:
            restore += _setting(name, value)
        return SessionSql(
            reset=f"{_RESET} {self.set_up()} {restore}",
            elsewhere=f"{_RESET} SET client_encoding = 'UTF8'; {_SET_UP} {self._isolation()} {restore}",
            as_ourselves=(
                f"{postgresql.CHECK_DEFERRED} SET LOCAL SESSION AUTHORIZATION DEFAULT; "
                f"SET LOCAL ROLE {own_role or 'NONE'}; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;"
            ),
        )

    def set_up(self) -> str:
        """Set what every migration finds set, as far as this server can; returns the SQL that does it."""
        sql = _SET_UP + hold_sql()
        if self.is_citus:
            from .citus import PROPAGATE

            sql = PROPAGATE + sql
        if postgresql.server_version(self.connection) >= _TRANSACTION_TIMEOUT_SINCE:
            sql += _TRANSACTION_TIMEOUT
        sql += self._isolation()
        try:
            self.execute(sql + _CLIENT_CHECK)
        except DataError:
            self.execute(sql)
            return sql
        return sql + _CLIENT_CHECK

    def _isolation(self) -> str:
        level = postgresql.isolation_level(self.connection)
        return f"SET default_transaction_isolation = '{level}';" if level else ""

    @contextlib.contextmanager
    def watched(self, listener: Listener) -> Iterator[None]:
        """Meanwhile tell `listener` who blocks a statement that waits, and of what a migration may not change."""
        from .blockers import BlockWatch  # a run that has nothing to do is a part of every release's start

        twin = type(self.connection)(dict(self.connection.settings_dict), self.alias)
        self._listener = listener
        try:
            pid = postgresql.backend_pid(self.connection)
            with BlockWatch(twin, self._settings_of_twin, hold_sql(), pid, listener) as self.watch:
                yield
        finally:
            self.watch, self._listener = None, ignore

    def _settings_of_twin(self) -> dict[str, Any]:
        settings = self.settings_now() if self.settings_now else copy.deepcopy(self.connection.settings_dict)
        settings["OPTIONS"]["connect_timeout"] = 3  # the run waits for this connection at its end
        return settings
