"""What is PostgreSQL's and its drivers': SQLSTATEs, error fields, COPY."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DatabaseError, Error, InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

# The bigint key of the run lock, whose SQL is in keys.py.
LOCK_KEY = int.from_bytes(b"medusamg")

ROW_GONE = "medusa_migrations: the history row is gone"

# A key of two integers that says how far a message has come; it is another's than a bigint key (manual, 9.28.10). It
# is shared: runs of several schemas of one database count at the same time.
REACHED_KEY = LOCK_KEY & 0x7FFFFFFF
_REACHED = f"""
FROM pg_catalog.pg_locks
WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid() AND classid = {REACHED_KEY}::oid AND objsubid = 2
"""
REACHED = f"SELECT COALESCE(pg_catalog.max(objid::bigint), 0) {_REACHED}"
FORGET_REACHED = f"SELECT pg_catalog.pg_advisory_unlock_shared({REACHED_KEY}, objid::bigint::int) {_REACHED}"

# Else COMMIT checks what is deferred, after the resets: with no timeout, and with another search_path.
CHECK_DEFERRED = "SET CONSTRAINTS ALL IMMEDIATE;"

# The OID of the schema that tables are made in. A name that needs quotes is none for a cast to regnamespace.
FIRST_SCHEMA = "(SELECT first.oid FROM pg_catalog.pg_namespace first WHERE first.nspname = pg_catalog.current_schema())"

# SQLSTATEs (manual, appendix A).
UNDEFINED_TABLE = "42P01"
UNDEFINED_OBJECT = "42704"
DUPLICATE_TABLE = "42P07"
DUPLICATE_SCHEMA = "42P06"
UNIQUE_VIOLATION = "23505"
INVALID_SCHEMA_NAME = "3F000"
INSUFFICIENT_PRIVILEGE = "42501"
LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK_DETECTED = "40P01"
SERIALIZATION_FAILURE = "40001"
ACTIVE_SQL_TRANSACTION = "25001"
INVALID_TRANSACTION_TERMINATION = "2D000"
IN_FAILED_TRANSACTION = "25P02"

QUERY_CANCELED = "57014"
OUT_OF_MEMORY = "53200"
OBJECT_IN_USE = "55006"
UNSAFE_NEW_ENUM_VALUE_USAGE = "55P04"
UNTRANSLATABLE_CHARACTER = "22P05"
DEPENDENT_OBJECTS_STILL_EXIST = "2BP01"
FEATURE_NOT_SUPPORTED = "0A000"
INVALID_TABLE_DEFINITION = "42P16"
INVALID_FUNCTION_DEFINITION = "42P13"

# Something of that name is there: a relation, a function, anything else.
DUPLICATES = {DUPLICATE_TABLE, "42723", "42710"}

# Of the connection itself; a shutdown, 57P01 to 57P05; the timeouts that end a session.
ENDS_CONNECTION = ("08", "57P", "25P03", "25P04")

PASSING = {LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED, SERIALIZATION_FAILURE}
EACH_HELPS = {OUT_OF_MEMORY, OBJECT_IN_USE, UNSAFE_NEW_ENUM_VALUE_USAGE}
NOT_IN_TRANSACTION = {ACTIVE_SQL_TRANSACTION, INVALID_TRANSACTION_TERMINATION}


class ServerError(NamedTuple):
    """The fields of an error (manual, 55.8). `position` counts characters of what was sent, from 1.

    `sqlstate` is None if the error is the driver's own; `function` is the server's own that raised it, a name that no
    language changes. `is_lost` tells that the connection is gone.
    """

    message: str
    sqlstate: str | None = None
    position: int | None = None
    detail: str | None = None
    hint: str | None = None
    context: str | None = None
    table: str | None = None
    column: str | None = None
    constraint: str | None = None
    internal_query: str | None = None
    function: str | None = None
    is_lost: bool = False


def literal(text: str | None) -> str:
    """`text` as SQL writes it, whether the server has standard_conforming_strings on or not; NUL it cannot hold.

    A run writes some for each migration, and the driver's own quoting takes a cursor each time.
    """
    if text is None:
        return "NULL"
    quoted = "'" + text.replace("\0", "").replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in quoted else quoted


def identifier(name: str) -> str:
    """`name` in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def server_error(error: BaseException) -> ServerError:
    """The fields of an error that psycopg2, psycopg or Django raised; Django keeps the driver's as its cause."""
    source = error.__cause__ or error
    diag = getattr(source, "diag", None)
    message = getattr(diag, "message_primary", None)
    if diag is None or message is None:
        # The driver's own, in Django's classes. Where the server has ended while the connection was idle, psycopg2
        # raises its base class itself, which nothing else makes of an error without fields.
        is_base = type(error) is DatabaseError and type(source).__module__ == "psycopg2"
        lost = is_base or isinstance(error, OperationalError | InterfaceError)
        return ServerError(str(source).strip() or type(source).__name__, is_lost=lost)
    position = diag.statement_position
    return ServerError(
        message=message,
        sqlstate=diag.sqlstate,
        position=int(position) if position else None,
        detail=diag.message_detail,
        hint=diag.message_hint,
        context=diag.context,
        table=diag.table_name,
        column=diag.column_name,
        constraint=diag.constraint_name,
        internal_query=diag.internal_query,
        function=diag.source_function,
        is_lost=diag.sqlstate.startswith(ENDS_CONNECTION),
    )


def cancel(connection: BaseDatabaseWrapper) -> None:
    """Cancel what the connection waits for, in any thread; nothing where the server takes no further connection.

    It may wait for the network, and other threads go on meanwhile.
    """
    driver: Any = connection.connection
    with contextlib.suppress(Error), connection.wrap_database_errors:
        if hasattr(driver, "cancel_safe"):  # psycopg 3.2
            driver.cancel_safe()
        elif hasattr(driver, "pgconn_ptr"):
            _cancel_by_libpq(driver)
        else:
            driver.cancel()


def _cancel_by_libpq(driver: Any) -> None:
    """What psycopg2's own `cancel` does, which keeps Python's lock, so that no other thread could end the process."""
    import ctypes  # only to cancel

    from psycopg2 import _psycopg  # which brings its libpq along

    libpq = ctypes.CDLL(_psycopg.__file__)
    libpq.PQgetCancel.restype = ctypes.c_void_p
    wanted = ctypes.c_void_p(libpq.PQgetCancel(ctypes.c_void_p(driver.pgconn_ptr)))
    said = ctypes.create_string_buffer(256)  # as the manual has it (34.7)
    libpq.PQcancel(wanted, said, len(said))
    libpq.PQfreeCancel(wanted)


def backend_pid(connection: BaseDatabaseWrapper) -> int:
    """The server process that the driver was told of when it connected."""
    return int(connection.connection.info.backend_pid)


def server_version(connection: BaseDatabaseWrapper) -> int:
    """The server's, as libpq's PQserverVersion has it: 170004 is 17.4."""
    return int(connection.connection.info.server_version)


def isolation_level(connection: Any) -> str | None:
    """The level that OPTIONS asks for, as SQL names it; of its value Django has made an enum, each driver's own."""
    if "isolation_level" not in connection.settings_dict["OPTIONS"]:
        return None
    return str(connection.isolation_level.name).replace("_", " ").lower()


def elapsed_sql(*moments: str) -> str:
    """An SQL expression for the milliseconds since a message began, or since the last of `moments` if that is later."""
    since = f"GREATEST({', '.join(['pg_catalog.statement_timestamp()', *moments])})"
    return f"(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - {since}) * 1000::float8)::bigint"


def position_in(connection: BaseDatabaseWrapper, sql: str, position: int | None) -> int | None:
    """The offset in `sql` of the position that the server told; a database in SQL_ASCII counts bytes."""
    if position is None:
        return None
    if connection.connection.info.parameter_status("server_encoding") != "SQL_ASCII":
        return position - 1
    return len(sql.encode()[: position - 1].decode(errors="ignore"))


def text_of(sent: Any) -> str:
    """The text of textsend(), which gives the bytes that are there.

    Names of roles, and the statements of sessions of other databases, may be in another encoding than this database,
    and no text in it.
    """
    return bytes(sent or b"").decode(errors="replace")


def is_idle(connection: BaseDatabaseWrapper) -> bool:
    """Whether the connection is usable and in no transaction, as libpq's PQtransactionStatus has it."""
    return bool(connection.connection.info.transaction_status == 0)  # PQTRANS_IDLE


def foreign_encoding(connection: BaseDatabaseWrapper) -> str:
    """The client_encoding that the server has told of last, where that is not UTF8 and can be set; else empty."""
    info = connection.connection.info
    if info.transaction_status not in (0, 2):  # PQTRANS_IDLE, PQTRANS_INTRANS
        return ""
    encoding = info.parameter_status("client_encoding") or "UTF8"
    return "" if encoding == "UTF8" else str(encoding)


class Notice(NamedTuple):
    """What the server says besides, as `NOTICE:  text`; `is_warning` is None where its language hides that."""

    text: str
    is_warning: bool | None


# What begins a notice of a server that speaks English.
_IS_WARNING = {"WARNING": True, "NOTICE": False, "INFO": False, "LOG": False, "DEBUG": False}


class _Notices(deque[Notice]):
    """psycopg2 appends text to it; of a list it would keep the last fifty only."""

    def append(self, text: Any) -> None:
        super().append(Notice(text.strip(), _IS_WARNING.get(severity(text))))

    def add(self, diag: Any) -> None:
        """Take what psycopg hands over."""
        more = [
            f"{name}:  {text}" for name, text in (("DETAIL", diag.message_detail), ("HINT", diag.message_hint)) if text
        ]
        text = "\n".join([f"{diag.severity}:  {diag.message_primary}", *more])
        super().append(Notice(text, diag.severity_nonlocalized == "WARNING"))


def severity(notice: str) -> str:
    """The word that a notice begins with, in the server's language."""
    return notice.partition(":")[0].strip()


def collect_notices(connection: BaseDatabaseWrapper) -> deque[Notice]:
    """What grows by every notice; whoever reads it empties it."""
    notices = _Notices()
    driver: Any = connection.connection
    if hasattr(driver, "add_notice_handler"):
        driver.add_notice_handler(notices.add)
    else:
        driver.notices = notices
    return notices


class _Chunks:
    """A file to read from, for psycopg2, which asks for `size` bytes and takes what it is given.

    What is raised meanwhile, psycopg2 makes a cancelled query of; it is kept in `error`.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.error: BaseException | None = None

    def read(self, size: int) -> bytes:
        found = bytearray()
        try:
            while len(found) < size and (chunk := next(self._chunks, b"")):
                found += chunk
        except BaseException as error:
            self.error = error
            raise
        return bytes(found)


def copy_in(connection: BaseDatabaseWrapper, statement: str, chunks: Iterable[bytes]) -> None:
    """Run COPY … FROM stdin with its rows in `chunks`; psycopg2 and psycopg have a way of their own each.

    Raises django.db.Error, and whatever comes out of `chunks`.
    """
    cursor: Any = connection.connection.cursor()
    with cursor, connection.wrap_database_errors:
        if hasattr(cursor, "copy_expert"):
            file = _Chunks(chunks)
            try:
                cursor.copy_expert(statement, file)
            except Exception:
                if file.error:
                    raise file.error from None
                raise
        else:
            with cursor.copy(statement) as copy:
                for chunk in chunks:
                    copy.write(chunk)


def keep_time_zones(cursor: Any) -> None:
    """Have `cursor` give moments with their time zone, which without USE_TZ Django has psycopg leave out."""
    if not settings.USE_TZ and hasattr(cursor, "adapters"):  # psycopg2's has none, and keeps them
        loaders = import_module("psycopg.types.datetime")  # which need not be installed
        cursor.adapters.register_loader("timestamptz", loaders.TimestamptzLoader)


def last_rows(cursor: Any) -> list[tuple[Any, ...]]:
    """The rows of the last statement that was sent; psycopg has those of each, psycopg2 of the last only."""
    if hasattr(cursor, "copy"):
        while cursor.nextset():
            pass
    return list(cursor.fetchall()) if cursor.description else []
