"""A session of this process on a database of the tests' server, which is Django's default one meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from medusa_migrations.database.interruption import Interruption
from medusa_migrations.database.session import Session
from tests.support.projects import Server


@contextmanager
def session_on(server: Server, database: str) -> Iterator[Session]:
    """pytest-django must have been told to let connections be made (`django_db_blocker.unblock`)."""
    given = server.parameters
    settings = dict(connections["default"].settings_dict) | {
        "NAME": database,
        "HOST": given.get("host", ""),
        "PORT": str(given.get("port", "")),
        "USER": given.get("user", ""),
        "PASSWORD": given.get("password", ""),
        "OPTIONS": {},
    }
    theirs = connections["default"]
    ours, connections["default"] = DatabaseWrapper(settings, "default"), DatabaseWrapper(settings, "default")
    ours.connect()
    try:
        yield Session(ours, Interruption())
    finally:
        for connection in (ours, connections["default"]):
            connection.close()
        connections["default"] = theirs
