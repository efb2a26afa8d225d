"""A scratch database that is made for one proof: marked, locked, and dropped on every way out."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.database import postgresql
from medusa_migrations.database.connect import database_errors
from medusa_migrations.database.postgresql import ServerError, server_error
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_, joined
from medusa_migrations.sql.names import literal, quoted

from .claim import claim, release
from .ending import ended, kept_words

# What the names of scratch databases begin with, and the comments of those that a killed process may have left.
_PREFIX = "medusa_verify_"
_MADE = "medusa_migrations: scratch database"
_KEPT = "medusa_migrations: kept scratch database"

# A database that is made and has no comment yet is known by its connection limit, which is part of its making.
_LEFT = f"""
SELECT d.datname FROM pg_catalog.pg_database d
WHERE pg_catalog.starts_with(d.datname::pg_catalog.text, '{_PREFIX}') AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
  AND (pg_catalog.starts_with(pg_catalog.shobj_description(d.oid, 'pg_database'), '{_MADE}')
    OR d.datconnlimit = 0 AND pg_catalog.shobj_description(d.oid, 'pg_database') IS NULL)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)
"""

_MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"


@contextlib.contextmanager
def made(session: Session, theirs: BaseDatabaseWrapper, keep: bool) -> Iterator[Made]:
    """Make a database as Django makes its test database for the connection `theirs`, and drop it at the end.

    What processes left that were killed is dropped first. Raises DatabaseError, StopRequested.
    """
    with database_errors(session.alias):
        _refuse_unable(session)
        drop_left(session)
        database = Made(session, theirs, keep)
    with ended(database.end, database.kept):
        database.create()
        yield database


def _refuse_unable(session: Session) -> None:
    if not session.query(_MAY_CREATE)[0][0]:
        raise DatabaseError(
            N_(
                "To prove migrations a scratch database is made, and the user of the database {alias!r} may not make "
                "one: it needs CREATEDB (ALTER ROLE … CREATEDB), or --scratch NAME (an empty database). Nothing was "
                "done.",
                alias=session.alias,
            )
        )


class Made:
    """A database with a name of its own, which is locked as long as the session lasts."""

    def __init__(self, session: Session, theirs: BaseDatabaseWrapper, keep: bool) -> None:
        self.session, self.keep = session, keep
        self._is_whole = False
        self.name = _free_name(session)
        # The same each time that it is made anew, as a snapshot has it.
        words, now = _KEPT if keep else _MADE, datetime.now(UTC)
        self._comment = (
            f"{words} of migrations_verify, {socket.gethostname()}, pid {os.getpid()}, {now:%Y-%m-%d %H:%M:%S} UTC"
        )
        test = theirs.settings_dict["TEST"]
        self._template = test.get("TEMPLATE") or "template1"
        creation: Any = theirs.creation
        try:
            self._suffix = creation.sql_table_creation_suffix()
        except ImproperlyConfigured as error:
            raise DatabaseError(
                N_("TEST of the database {alias!r} cannot be used: {error}", alias=session.alias, error=str(error))
            ) from None

    def create(self) -> None:
        """Make the database. Raises DatabaseError, StopRequested."""
        try:
            self.session.execute(f"CREATE DATABASE {quoted(self.name)} {self._suffix} CONNECTION LIMIT 0")
            self.session.execute(
                f"COMMENT ON DATABASE {quoted(self.name)} IS {literal(self._comment)}; "
                f"ALTER DATABASE {quoted(self.name)} CONNECTION LIMIT -1"
            )
            self._is_whole = True
        except Error as error:
            raise self._explained(error) from error

    def anew(self) -> None:
        """Drop it and make it anew. Raises DatabaseError, StopRequested."""
        self._is_whole = False
        try:
            self.session.execute(_drop(self.name))
        except Error as error:
            text = N_(
                "The scratch database {name!r} cannot be dropped and made anew: {reason}",
                name=self.name,
                reason=_reason(server_error(error)),
            )
            raise DatabaseError(text) from error
        self.create()

    def end(self) -> str | None:
        """Drop it, also after a stop was requested, unless it is to be kept; tells in words if it is left."""
        if self.kept():
            return None
        try:
            self.session.insist(_drop(self.name))
        except Error as error:
            return _left(self.name, error)
        return None

    def kept(self) -> str | None:
        """In words, that it stays, if it does."""
        return kept_words(self.name) if self.keep and self._is_whole else None

    def _explained(self, error: Error) -> DatabaseError:
        found = server_error(error)
        key = f'DATABASES[{self.session.alias!r}]["TEST"]["TEMPLATE"]'
        cure = {
            postgresql.INSUFFICIENT_PRIVILEGE: N_(
                "Whoever is neither superuser nor owner of {template!r} may copy it only where it is a template (ALTER "
                "DATABASE … IS_TEMPLATE true). Or name another with {key}.",
                template=self._template,
                key=key,
            ),
            postgresql.OBJECT_IN_USE: N_(
                "A database that is copied may have no connections (pg_stat_activity has them). Close them, or name "
                "another with {key}.",
                key=key,
            ),
            "3D000": N_("Name one that is there with {key}, or none.", key=key),
            "22023": N_(
                "See that CHARSET and TEMPLATE of DATABASES[{alias!r}]['TEST'] fit together.", alias=self.session.alias
            ),
            "53100": N_("The server's disk is full. Make room there."),
        }.get(found.sqlstate or "", "")
        text = N_(
            "The scratch database {name!r} cannot be made as a copy of {template!r}: {reason}",
            name=self.name,
            template=self._template,
            reason=found.message,
        )
        return DatabaseError(joined("\n", (part for part in (text, found.detail, cure) if part)))


def drop_left(session: Session) -> None:
    """Drop what processes left that were killed: those that are marked, free, and nobody's connection is to."""
    for name in _left_over(session):
        if claim(session, name):
            with contextlib.suppress(Error):  # somebody has connected after all
                if name in _left_over(session):
                    session.execute(f"DROP DATABASE IF EXISTS {quoted(name)}")
            release(session, name)


def _left_over(session: Session) -> list[str]:
    return [name for (name,) in session.query(_LEFT)]


def _free_name(session: Session) -> str:
    """A name that no database has and that is locked now; on another machine a process may have the same number."""
    for number in itertools.count(1):
        name = scratch_name(session.alias, os.getpid(), number)
        if claim(session, name):
            if not session.query("SELECT FROM pg_catalog.pg_database WHERE datname = %s", [name]):
                return name
            release(session, name)
    raise AssertionError("numbers have no end")


def scratch_name(alias: str, pid: int, number: int) -> str:
    """The name of the scratch database `number` of a process, of ASCII alone and at most 63 bytes long."""
    rest = f"_{pid}" + (f"_{number}" if number > 1 else "")
    safe = re.sub(r"[^a-z0-9]+", "_", alias.lower())
    return _PREFIX + safe[: 63 - len(_PREFIX) - len(rest)] + rest


def _drop(name: str) -> str:
    return f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)"


def _left(name: str, error: Error) -> str:
    found = server_error(error)
    cure = N_("The next migrations_verify drops it.")
    if found.sqlstate == postgresql.OBJECT_IN_USE:  # not by connections: those were ended
        cure = N_("Connect to it and remove that, then drop it (dropdb {name}).", name=name)
    reason = N_("it cannot be dropped: {reason}", reason=_reason(found))
    if found.is_lost:
        reason = N_("the connection was lost.")
    return N_("The scratch database {name!r} is left, as {reason}\n{cure}", name=name, reason=reason, cure=cure)


def _reason(found: ServerError) -> str:
    return " ".join(part for part in (found.message, found.detail) if part)
