"""What would leave the scratch database: refused before it is sent, or by the server before it is committed.

What runs a program of the server or calls another database by itself is not seen.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

from medusa_migrations.database import postgresql
from medusa_migrations.database.postgresql import ServerError
from medusa_migrations.database.session import Session
from medusa_migrations.messages import N_, joined
from medusa_migrations.run.failure import StatementFailed
from medusa_migrations.run.task import Script, Task
from medusa_migrations.sql.beyond import reaches_beyond
from medusa_migrations.sql.scanner import Statement, split
from medusa_migrations.sql.tokens import ScanError

BEYOND = "medusa_migrations: changes the whole server"

# Catalogs that all databases share, and that this transaction has written to: it holds its lock until its end.
_LOCKED = """
SELECT c.relname::text AS name
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation'::text AND c.relisshared AND c.relkind = 'r'
AND l.mode = ANY (ARRAY['RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']::text[])
"""

# Some commands give that lock back at once, so the rows of those catalogs are looked at; a subscription is of one
# database alone, and its columns are all that everybody may read. The database's own rights are its own.
_WRITTEN = """
SELECT 'pg_subscription'::text FROM pg_catalog.pg_subscription s
WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
UNION ALL
SELECT w.name
FROM ({rows}) w (name, xmin), LATERAL (
    SELECT x.own, x.next, (w.xmin::text::bigint - x.own) & 4294967295::bigint AS ahead
    FROM (SELECT pg_catalog.pg_current_xact_id_if_assigned()::text::bigint AS own,
        pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint AS next) x
) x
WHERE CASE WHEN x.ahead >= 1048576::bigint THEN false
    WHEN x.own + x.ahead >= x.next THEN true
    ELSE pg_catalog.pg_xact_status((x.own + x.ahead)::text::pg_catalog.xid8) = 'in progress'::text END
"""
_ROWS = """
SELECT 'pg_database'::text, d.xmin FROM pg_catalog.pg_database d WHERE d.datname <> pg_catalog.current_database()
UNION ALL SELECT 'pg_tablespace'::text, t.xmin FROM pg_catalog.pg_tablespace t
UNION ALL SELECT 'pg_shseclabel'::text, l.xmin FROM pg_catalog.pg_shseclabel l
UNION ALL SELECT 'pg_replication_origin'::text, o.xmin FROM pg_catalog.pg_replication_origin o
"""
_PARAMETERS = "UNION ALL SELECT 'pg_parameter_acl'::text, a.xmin FROM pg_catalog.pg_parameter_acl a"
_PARAMETERS_SINCE = 150000

# Words without which no statement of those is written.
_MAY_REACH = re.compile(
    r"\b(database|tablespace|subscription|role|user|group|system|parameter|owned|grant|revoke)\b", re.IGNORECASE
)

_CURE = N_(
    "Roles, databases and the server's settings are not this database's alone: to prove this in a scratch database "
    "would change the live ones too. Prove it on a server of its own, such as one of CI's, with --server-wide."
)
_STAYS = N_("Undo that by hand. If somebody else has done it meanwhile, prove again.")


class Beyond(StatementFailed):
    """A part was refused because it changes more than its database; `what` names the statement or the catalogs."""

    def __init__(self, script: Script, what: str, statement: Statement | None) -> None:
        super().__init__(script, ServerError(N_("{what} changes the whole server", what=what)), None, statement)

    def cure(self) -> str:
        """What to do about it."""
        return _CURE


class HasChanged(Beyond):
    """A part that no transaction could take back has changed the server, as `changes` say."""

    def __init__(self, script: Script, changes: list[str]) -> None:
        StatementFailed.__init__(self, script, ServerError(has_changed(changes)))

    def cure(self) -> str:
        return joined(" ", [_STAYS, _CURE])


class ChangesTheServer(Exception):
    """What a migration in Python, or one of Django's, has tried to send, or has done."""

    def __init__(self, what: str) -> None:
        super().__init__(joined(". ", [what, _CURE]))


def has_changed(changes: list[str]) -> str:
    """What a part has changed that stays, in words."""
    return N_("this changes the whole server, and stays: {changes}", changes=joined(", ", changes))


def refuse_beyond(task: Task) -> None:
    """Raise Beyond for a statement of `task`, which is in SQL, that reaches beyond the database by its words."""
    if task.function is None and (found := _first(task.script.sql)):
        raise Beyond(task.script, *found)


def refuse_query(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Wrap the queries of a connection, as its `execute_wrapper` does. Raises ChangesTheServer."""
    if found := _first(_as_text(sql, context["connection"])):
        raise ChangesTheServer(N_("{what} changes the whole server", what=found[0]))
    return execute(sql, params, many, context)


def _as_text(sql: Any, connection: Any) -> str:
    """A query as text, which the driver takes composed and as bytes too."""
    if isinstance(sql, bytes):
        return sql.decode(errors="replace")
    return str(sql.as_string(connection.connection)) if hasattr(sql, "as_string") else str(sql)


def _first(sql: str) -> tuple[str, Statement] | None:
    """The first statement that reaches beyond the database by its words, with its name."""
    if not _MAY_REACH.search(sql):
        return None
    with contextlib.suppress(ScanError):  # which the server has to tell
        return next(((what, one) for one in split(sql) if (what := reaches_beyond(one.words))), None)
    return None


def guard(connection: Any) -> str:
    """SQL that fails where the open transaction has changed the server; `connection` tells of which version that is.

    It fails by its text, which is no integer, as the check of the run lock does.
    """
    return (
        f"SELECT CASE WHEN t.names IS NULL THEN 0 ELSE ('{BEYOND}: '::text || t.names)::pg_catalog.int4 END"
        f" FROM ({_touched(connection)}) t;"
    )


def touched(session: Session) -> str | None:
    """The names of the catalogs that all databases share and that the open transaction has written to."""
    found: str | None = session.query(_touched(session.connection))[0][0]
    return found


def refuse_touched(connection: Any) -> None:
    """Raise ChangesTheServer if the open transaction of a connection of Django's has changed the server."""
    with connection.cursor() as cursor:
        cursor.execute(_touched(connection))
        (names,) = cursor.fetchone()
    if names:
        raise ChangesTheServer(N_("It writes to {names}, and so changes the whole server", names=names))


def _touched(connection: Any) -> str:
    has_parameters = postgresql.server_version(connection) >= _PARAMETERS_SINCE
    written = _WRITTEN.format(rows=_ROWS + (_PARAMETERS if has_parameters else ""))
    return (
        "SELECT pg_catalog.string_agg(DISTINCT t.name, ', '::text) AS names"
        f" FROM ({_LOCKED} UNION ALL {written}) t (name)"
    )
