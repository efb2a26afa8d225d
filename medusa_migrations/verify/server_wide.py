"""With --server-wide: the roles that migrations make go with the scratch database that they were made for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import Error

from medusa_migrations.database.postgresql import server_error
from medusa_migrations.database.session import Session
from medusa_migrations.messages import N_, joined
from medusa_migrations.sql.names import quoted

from .request import Request
from .scratch.ending import tell
from .scratch.open import open_maintenance

_ROLES = "SELECT rolname::text FROM pg_catalog.pg_roles"
_GONE = "42704"


class Roles:
    """The roles that parts of one proof have made; of those that were there before it none."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._there = role_names(session)
        self._made: set[str] = set()
        self._dropped: set[str] = set()
        self._left: dict[str, str] = {}

    def add(self, names: set[str]) -> None:
        """Remember what a part has made."""
        self._made |= names - self._there

    def drop(self) -> None:
        """Drop them, also after a stop was requested; one on which another depends goes after that."""
        before = None
        while self._made and self._made != before:
            before = set(self._made)
            for name in sorted(before):
                self._drop(name)

    def _drop(self, name: str) -> None:
        try:
            self._session.insist(f"DROP ROLE {quoted(name)}")
        except Error as error:
            found = server_error(error)
            if found.sqlstate != _GONE:
                self._left[name] = " ".join(part for part in (found.message, found.detail) if part)
                return
        else:
            self._dropped.add(name)
        self._made.discard(name)
        self._left.pop(name, None)

    def notes(self) -> tuple[str, ...]:
        """What became of each, in words."""
        dropped = [
            N_("The role {name}, which a migration has made, was dropped.", name=name) for name in sorted(self._dropped)
        ]
        return (*dropped, *self.left())

    def left(self) -> list[str]:
        """Those that could not be dropped, in words."""
        return [
            N_("The role {name}, which a migration has made, is left: {why}. Drop it by hand.", name=name, why=why)
            for name, why in sorted(self._left.items())
        ]


def role_names(session: Session) -> set[str]:
    """The names of all roles of the server."""
    return {name for (name,) in session.query(_ROLES)}


@contextlib.contextmanager
def roles_kept(request: Request) -> Iterator[Roles | None]:
    """Give what remembers the roles that parts make; at the end they are dropped. None without `server_wide`."""
    if not request.server_wide:
        yield None
        return
    with open_maintenance(request.database, request.interruption) as session:
        roles = Roles(session)
        try:
            yield roles
        except BaseException as error:
            roles.drop()
            if roles.left():
                tell(error, joined("\n", roles.left()))
            raise
        roles.drop()
