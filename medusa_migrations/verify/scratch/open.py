"""A database to which an alias leads for the time of a proof: one made for that, or one that the user names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol

from medusa_migrations.database.connect import CannotConnect, connected, database_errors, open_session, usable
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.database.lock import is_pooled
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_

from .aliases import close, pointed, same_database
from .emptying import ALONE
from .existing import existing_one
from .made import made

# Where Django makes its test databases from.
_MAINTENANCE = "postgres"


class Database(Protocol):
    """A scratch database as its kind makes it empty again."""

    name: str

    def anew(self) -> None:
        """Make it what it was at first. Raises DatabaseError, StopRequested."""


class Scratch:
    """The scratch database `name`, which the aliases lead to while `open_scratch` lasts."""

    def __init__(self, database: Database, aliases: list[str]) -> None:
        self.name = database.name
        self._database, self._aliases = database, aliases

    def renew(self) -> None:
        """Make it what it was at first; the aliases lead there as before. Sessions there must have been closed.

        Raises DatabaseError if the server does not do it, and StopRequested.
        """
        close(self._aliases)
        self._database.anew()


@contextmanager
def open_scratch(
    alias: str, *, existing: str | None = None, keep: bool = False, interruption: Interruption | None = None
) -> Iterator[Scratch]:
    """Have `alias` lead to a scratch database on its server while this lasts.

    It is made as Django makes its test database, so that TEST of DATABASES counts, and dropped at the end. What an
    earlier process left that was killed is dropped first. With `existing` it is the database of that name instead,
    which must be empty, and is emptied at the end. With `keep` it stays as it is. Aliases that lead to the same
    database as `alias` lead to the scratch too; all others cannot be used meanwhile. Sessions that are open stay where
    they are.

    Raises DatabaseError if it cannot be made, used or dropped, and StopRequested; an error from within stays, and tells
    if something is left.
    """
    with (
        open_maintenance(alias, interruption or Interruption()) as session,
        open_scratch_of(session, existing=existing, keep=keep) as scratch,
    ):
        yield scratch


@contextmanager
def open_scratch_of(session: Session, *, existing: str | None = None, keep: bool = False) -> Iterator[Scratch]:
    """As `open_scratch`, where `open_maintenance` has opened the `session` already."""
    with _database(session, existing, keep) as database:
        aliases = same_database(session.alias)
        with pointed(aliases, database.name):
            _refuse_elsewhere(session.alias, database.name)
            yield Scratch(database, aliases)


def _database(session: Session, existing: str | None, keep: bool) -> AbstractContextManager[Database]:
    theirs = usable(session.alias)
    return made(session, theirs, keep) if existing is None else existing_one(session, theirs, existing, keep)


@contextmanager
def open_maintenance(alias: str, interruption: Interruption) -> Iterator[Session]:
    """A session that lasts as long as the scratch and holds its lock, in a database that nobody has to empty."""
    with ExitStack() as stack:
        session = _connected(stack, alias, interruption)
        with database_errors(alias):
            _refuse_pooler(session)
            session.refuse_unusable()
            session.set_up()
            session.execute(ALONE)
        yield session


def _refuse_pooler(session: Session) -> None:
    if is_pooled(session):
        raise DatabaseError(
            N_(
                "The database {alias!r} is behind a pooler that gives every transaction another server process. "
                "Nothing was done. Connect to the server itself to prove migrations: a scratch database is held by a "
                "lock, which would be left with somebody else.",
                alias=session.alias,
            )
        )


def _connected(stack: ExitStack, alias: str, interruption: Interruption) -> Session:
    """A session in the database `postgres`, else in the alias's own, as Django has it."""
    own = usable(alias).settings_dict["NAME"]
    try:
        return stack.enter_context(connected(alias, interruption, database=_MAINTENANCE))
    except CannotConnect as error:
        if own == _MAINTENANCE:
            raise
        first = error
    try:
        return stack.enter_context(connected(alias, interruption))
    except CannotConnect as error:
        if error.reason == first.reason:
            raise
        raise DatabaseError(
            N_(
                "{problem}\nNor can the database {database!r} of that server be connected to, from which Django makes "
                "databases. A scratch database is made from one of the two:\n{first}",
                problem=error.args[0],
                database=_MAINTENANCE,
                first=first.args[0],
            )
        ) from None


def _refuse_elsewhere(alias: str, name: str) -> None:
    """Raise DatabaseError if the alias does not lead to the database `name` after all, whatever its engine does."""
    with open_session(alias) as there:
        found = there.query("SELECT pg_catalog.current_database()::pg_catalog.text")[0][0]
    if found != name:
        raise DatabaseError(
            N_(
                "The alias {alias!r} leads to the database {found!r} whatever NAME is in DATABASES, so migrations "
                "cannot be proven in another one. Nothing was done. Have NAME say which database it is.",
                alias=alias,
                found=found,
            )
        )
