"""A session for one schema of a database: how it gets there, and whether it has."""

from __future__ import annotations

import os
import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_

from .destination import FleetTarget, alias_of
from .postgresql import identifier
from .session import Session

_WHERE = """
SELECT pg_catalog.current_schema()::text, n.oid::bigint, pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
    session_user::text
FROM (SELECT (
    SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s::name AND nspname::text = %s::text
) AS oid) n
"""


def with_search_path(target: FleetTarget, settings: dict[str, Any]) -> dict[str, Any]:
    """`settings` with the search_path of a target, as an option that the session begins with.

    RESET ALL returns to it, and so does whatever a migration does to its session.
    """
    if target.schema is None:
        return settings
    names = [identifier(name.replace("{schema}", target.schema)) for name in target.search_path]
    path = re.sub(r"([\\\s])", r"\\\1", ",".join(names))  # the server splits the options at white space
    options = settings["OPTIONS"]
    others = options.get("options", os.environ.get("PGOPTIONS", ""))  # which libpq takes where there are none
    return settings | {"OPTIONS": options | {"options": f"{others} -c search_path={path}".strip()}}


def class_for(target: FleetTarget, theirs: type[BaseDatabaseWrapper]) -> type[BaseDatabaseWrapper]:
    """The class of its connection: not one as that of django-tenants, which sets search_path again and again."""
    if target.schema is None or not hasattr(theirs, "set_schema"):
        return theirs
    bases = (one for one in theirs.__mro__ if issubclass(one, BaseDatabaseWrapper))
    return next(one for one in bases if not hasattr(one, "set_schema"))


def refuse_elsewhere(session: Session) -> None:
    """Raise DatabaseError where the session is not in the schema of its target; else have it know the schema's number.

    Without that, it would be in the next schema of search_path, and its history there.
    """
    target = session.target
    assert target is not None
    assert target.schema is not None
    current, number, may_use, user = session.query(_WHERE, [target.schema, target.schema])[0]
    if number is not None and current == target.schema:
        session.schema_oid = number
        return
    schema, database = identifier(target.schema), N_("the database {name!r}", name=session.database_name)
    if number is None:
        raise DatabaseError(
            N_(
                "There is no schema {schema!r} in {database}, where the {where} of the fleet {fleet!r} is to be. "
                "Nothing was done. Make it: CREATE SCHEMA {identifier}; or take the target out of the fleet.",
                schema=target.schema,
                database=database,
                where=session.named,
                fleet=target.fleet,
                identifier=schema,
            )
        )
    if not may_use:
        raise DatabaseError(
            N_(
                "The user {user!r} may not use the schema {schema!r} of {database}. Nothing was done. GRANT USAGE, "
                "CREATE ON SCHEMA {identifier} TO {role}.",
                user=user,
                schema=target.schema,
                database=database,
                identifier=schema,
                role=identifier(user),
            )
        )
    raise DatabaseError(
        N_(
            "The session for the {where} is in the schema {current!r} of {database}. Nothing was done. Something sets "
            "search_path when a connection of the alias {alias!r} is made, as a receiver of connection_created: have "
            "that leave it alone. Or the name is beyond ASCII, and the database not in UTF8: rename the schema.",
            where=session.named,
            current=current,
            database=database,
            alias=alias_of(target),
        )
    )
