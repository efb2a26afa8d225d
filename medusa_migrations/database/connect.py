"""The connection of a session: made from the settings of its alias as they are now, and closed at its end."""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import re
import socket
from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.errors import DatabaseError, nearest
from medusa_migrations.messages import N_, joined

from . import postgresql
from .destination import Destination, alias_of, named, settings_of
from .interruption import Interruption
from .postgresql import server_error
from .session import Session

# A connection that was cut is noticed within about a minute (libpq's parameters; the server's side is in session.py).
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

# Patterns of errors are compiled when there is one: that takes every start its time.
_CREDENTIALS = r"://[^\s/]*@|://\S*@"
_PASSWORD = r"(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&'\"]+)"

# What to do where a command has ended before its end.
SEE_APPLIED: str = N_("migrations_show tells what is applied.")

# The server has told no SQLSTATE where a connection was refused, so in another language the common cure is given.
_NONE_LEFT = ("too many connections for", "too many clients", "connection slots are reserved")

_NO_DATABASE = r"database \".*\" does not exist"

# Refusals of who connects, and settings that libpq does not take: no time mends them. In another language than
# English a refusal cannot be told from a server that is starting.
_NOT_LET_IN = (
    r"authentication failed|no password supplied|no pg_hba\.conf entry|pg_hba\.conf rejects"
    r"|role \".*\" (?:does not exist|is not permitted to log in)|permission denied for database"
)
_REFUSED = (
    rf"{_NOT_LET_IN}"
    r"|does not support SSL|certificate|definition of service .* not found|invalid .*(?:value|number|option)"
)


class CannotConnect(DatabaseError):
    """A database that cannot be connected to, for a `reason` that libpq or Django gives.

    `may_pass` tells whether that may be gone later: not where the user is refused, or the settings are wrong.
    """

    def __init__(self, message: str, reason: str, *, may_pass: bool = True) -> None:
        self.reason, self.may_pass = reason, may_pass
        super().__init__(message)


@contextlib.contextmanager
def open_session(where: Destination, interruption: Interruption | None = None) -> Iterator[Session]:
    """Connect to the database of an alias, or to a target, with its settings as they are now, and close it afterwards.

    What a migration does to its session reaches nobody else's. Raises DatabaseError if there is no such database or
    schema, it is not PostgreSQL, cannot be reached or fails.
    """
    with connected(where, interruption) as session, database_errors(where):
        yield session


@contextlib.contextmanager
def connected(
    where: Destination, interruption: Interruption | None = None, *, database: str | None = None
) -> Iterator[Session]:
    """As `open_session`, where not all errors of a database meanwhile are this session's.

    With `database`, to the database of that name on the server of an alias.
    """
    connection = _connect(where, database)
    interruption = interruption or Interruption()
    try:
        with interruption.cancels(functools.partial(postgresql.cancel, connection)):
            session = Session(connection, interruption, where)
            if session.target and callable(session.target.settings):
                session.settings_now = functools.partial(_settings, where, usable_for(where).settings_dict)
            if session.schema is not None:
                from .schema_session import refuse_elsewhere  # few sessions are for a schema

                refuse_elsewhere(session)
            yield session
    finally:
        with contextlib.suppress(InterfaceError):
            connection.close()


@contextlib.contextmanager
def database_errors(where: Destination) -> Iterator[None]:
    """Raise DatabaseError for what nobody has made more of."""
    try:
        yield
    except Error as error:
        message = server_error(error).message
        raise DatabaseError(
            N_("The {where} failed: {message}\n{next_step}", where=named(where), message=message, next_step=SEE_APPLIED)
        ) from error


def shared_schema() -> str:
    """The schema that all tenants share where an engine as that of django-tenants has a schema for each."""
    return str(getattr(django_settings, "PUBLIC_SCHEMA_NAME", "public"))


def tenant_schema(connection: BaseDatabaseWrapper) -> str | None:
    """The schema of the tenant that a connection is set to by an engine as that of django-tenants, or None."""
    schema = getattr(connection, "schema_name", None)
    return schema if schema and schema != shared_schema() else None


def usable(alias: str) -> BaseDatabaseWrapper:
    """Django's own connection `alias`, whether it is open or not.

    Raises DatabaseError if there is no such database, it is not PostgreSQL, or is set to the schema of a tenant.
    """
    theirs = of_postgresql(alias)
    if schema := tenant_schema(theirs):
        raise DatabaseError(
            N_(
                "The connection {alias!r} is set to the schema {schema!r} of a tenant. Without a fleet, SQL migrations "
                "have one history and one schema, {shared!r}, which all tenants share. Nothing was done. Run this "
                "without tenant_command. What each tenant is to have in a schema of its own is for Django migrations, "
                "or for a fleet: --fleet and --target, see docs/fleets.md.",
                alias=alias,
                schema=schema,
                shared=shared_schema(),
            )
        )
    return theirs


def of_postgresql(alias: str) -> BaseDatabaseWrapper:
    """Django's own connection `alias`. Raises DatabaseError if there is no such database or it is not PostgreSQL."""
    if alias not in list(connections):  # Django looks aliases up as attributes: "__class__" would be found
        hint = nearest(alias, connections) or N_(" It has: {names}.", names=", ".join(connections))
        raise DatabaseError(N_("There is no database {alias!r} in DATABASES.{hint}", alias=alias, hint=hint))
    try:
        theirs: BaseDatabaseWrapper = connections[alias]
    except ImproperlyConfigured as error:
        raise DatabaseError(
            N_("The database {alias!r} cannot be used: {error}", alias=alias, error=str(error))
        ) from None
    if theirs.vendor != "postgresql":
        raise DatabaseError(
            N_(
                "The database {alias!r} is {vendor}; migrations run on PostgreSQL only. Set its ENGINE to "
                "'django.db.backends.postgresql', or name another one with --database.",
                alias=alias,
                vendor=theirs.display_name,
            )
        )
    return theirs


def usable_for(where: Destination) -> BaseDatabaseWrapper:
    """Django's own connection for `where`: of a target that of its alias, whatever tenant that is set to.

    Raises DatabaseError as `usable`.
    """
    return usable(where) if isinstance(where, str) else of_postgresql(alias_of(where))


def _connect(where: Destination, database: str | None) -> BaseDatabaseWrapper:
    theirs = usable_for(where)
    settings = _settings(where, theirs.settings_dict, database)
    connection = _class(where, type(theirs))(settings, theirs.alias)
    try:
        connection.ensure_connection()
    except (Error, ImproperlyConfigured) as error:
        reason = str(error).strip()
        message = N_(
            "Cannot connect to the {where} ({address}): {reason}\n{cure}",
            where=named(where),
            address=_address(settings),
            reason=without_passwords(reason),
            cure=_cure(settings, reason),
        )
        may_pass = isinstance(error, OperationalError) and not _has_url(settings) and may_pass_later(reason)
        raise CannotConnect(message, without_passwords(reason), may_pass=may_pass) from None
    return connection


def _settings(where: Destination, theirs: dict[str, Any], database: str | None = None) -> dict[str, Any]:
    """Those of a connection of its own: of the alias's, `theirs`, with what a target has in their place."""
    if isinstance(where, str):
        return _own_settings(theirs) | ({} if database is None else {"NAME": database})
    from .schema_session import with_search_path

    return with_search_path(where, _own_settings(settings_of(where, theirs)))


def _class(where: Destination, theirs: type[BaseDatabaseWrapper]) -> type[BaseDatabaseWrapper]:
    if isinstance(where, str):
        return theirs
    from .schema_session import class_for

    return class_for(where, theirs)


def may_pass_later(reason: str) -> bool:
    """Whether the reason that libpq or the server gives for no connection may be gone later."""
    return not re.search(_REFUSED, reason)


def _own_settings(settings: dict[str, Any]) -> dict[str, Any]:
    own = copy.deepcopy(settings)
    options = _KEEPALIVES | own.get("OPTIONS", {})
    options.pop("pool", None)
    options.pop("server_side_binding", None)
    options["application_name"] = f"medusa_migrations {socket.gethostname()}:{os.getpid()}"[:63]
    return own | {"OPTIONS": options, "CONN_MAX_AGE": 0, "ATOMIC_REQUESTS": False, "AUTOCOMMIT": True}


def _address(settings: dict[str, Any]) -> str:
    """What DATABASES says of where the database is, or PGHOST and PGPORT; the rest is for libpq to say."""
    host, name, user = (without_passwords(str(settings.get(key) or "")) for key in ("HOST", "NAME", "USER"))
    host, port = host or os.environ.get("PGHOST", ""), settings.get("PORT") or os.environ.get("PGPORT", "")
    port = f":{port}" if port else ""
    service = settings["OPTIONS"].get("service")
    words = [N_("service {service!r}", service=service) if service else joined("", [host or N_("local socket"), port])]
    words += [N_("database {name!r}", name=name)] if name else []
    words += [N_("user {user!r}", user=user)] if user else []
    return joined(", ", words)


def _has_url(settings: dict[str, Any]) -> bool:
    return any("://" in str(settings.get(name)) for name in ("HOST", "NAME"))


def _cure(settings: dict[str, Any], reason: str) -> str:
    if _has_url(settings):
        return N_(
            "DATABASES has a URL where one part of it belongs: give HOST, PORT, NAME, USER and PASSWORD each its own."
        )
    if any(words in reason for words in _NONE_LEFT):
        return N_(
            "The server has no connection left for this user. Migrations need one of their own, beside Django's, and "
            "another while a statement waits, to see who blocks it. Close some, or raise CONNECTION LIMIT."
        )
    if re.search(_NO_DATABASE, reason):
        return N_("The server runs, and has no such database: create it, or correct NAME in the settings.")
    if re.search(_NOT_LET_IN, reason):
        return N_(
            "The server runs, and does not let this user in like that: see USER, PASSWORD, HOST and sslmode in the "
            "settings (PGUSER and PGPASSWORD, where they say nothing), or have its pg_hba.conf let the user in."
        )
    if settings["OPTIONS"].get("service"):
        return N_(
            "See that ~/.pg_service.conf, or the file that PGSERVICEFILE names, has it, and that its server runs."
        )
    return N_("See that the server runs and that DATABASES has its address, user and password.")


def without_passwords(text: str) -> str:
    """`text` without what stands before the host of a URL, or behind `password=`."""
    return re.sub(_PASSWORD, r"\1***", re.sub(_CREDENTIALS, "://***@", text))
