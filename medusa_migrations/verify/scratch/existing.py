"""A database that the user names as the scratch: refused unless it is empty, and emptied again."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.database.connect import connected, database_errors
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.database.postgresql import server_error
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_, joined

from .claim import claim, holder
from .emptying import ALONE, Item, added, drop_all, inventory
from .ending import ended, kept_words
from .rights import put_back, standing

# How many of the things that are in the way a message names.
_SHOWN = 5

_DATABASE = """
SELECT d.datistemplate OR d.datname = pg_catalog.current_database(), pg_catalog.pg_encoding_to_char(d.encoding),
    (SELECT pg_catalog.pg_encoding_to_char(l.encoding) FROM pg_catalog.pg_database l WHERE l.datname = %s)
FROM pg_catalog.pg_database d WHERE d.datname = %s
"""

# Whoever is connected still, as a thread of a migration's, would hold locks on what is dropped.
_END_OTHERS = """
SELECT pg_catalog.pg_terminate_backend(a.pid, 5000) FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
  AND pg_catalog.pg_has_role(a.usesysid, 'USAGE')
"""


@contextmanager
def existing_one(session: Session, theirs: BaseDatabaseWrapper, name: str, keep: bool) -> Iterator[Existing]:
    """Use the empty database `name`, and empty it at the end unless what is in it is to be kept.

    Raises DatabaseError if it is not there, is not empty, is none to empty, or somebody uses it so already.
    """
    with database_errors(session.alias):
        _refuse(session, theirs, name)
        _claim(session, name)
    with _there(session.alias, name, session.interruption) as there:
        _refuse_not_empty(there, theirs, name)
        database = Existing(there, name, session.interruption)
    with ended(lambda: None, lambda: kept_words(name)) if keep else ended(database.end):
        yield database


class Existing:
    """A database that stays; what it is at first is what it is again at the end."""

    def __init__(self, there: Session, name: str, interruption: Interruption) -> None:
        self.name = name
        self._alias, self._interruption = there.alias, interruption
        self._kept, self._before = set(inventory(there)), standing(there)

    def anew(self) -> None:
        """Empty it. Raises DatabaseError, StopRequested."""
        with _there(self._alias, self.name, self._interruption) as there:
            left = self._empty(there)
        if left:
            raise DatabaseError(left)

    def end(self) -> str | None:
        """Empty it, also after a stop was requested; tells in words if something is left."""
        try:
            with _there(self._alias, self.name, Interruption()) as there:
                return self._empty(there)
        except DatabaseError as error:
            return N_(
                "The scratch database {name!r} is not empty again. {error}\nDrop it and make it anew.",
                name=self.name,
                error=error.args[0],
            )

    def _empty(self, there: Session) -> str | None:
        there.query(_END_OTHERS)
        left = [f"{item} ({why})" if why else str(item) for item, why in drop_all(there, self._kept).items()]
        for sql in put_back(self._before, standing(there)):
            try:
                there.execute(sql)
            except Error as error:
                left.append(f"{sql} ({server_error(error).message})")
        left += [N_("{item} (is missing)", item=str(item)) for item in sorted(self._kept - set(inventory(there)))]
        if not left:
            return None
        return N_(
            "The scratch database {name!r} is not again what it was: {left}.\n"
            "Put that right, or drop the database and make it anew.",
            name=self.name,
            left=_some(left),
        )


@contextmanager
def _there(alias: str, name: str, interruption: Interruption) -> Iterator[Session]:
    with connected(alias, interruption, database=name) as there:
        try:
            there.execute(ALONE)
            yield there
        except Error as error:
            raise DatabaseError(
                N_("The database {name!r} failed: {reason}", name=name, reason=server_error(error).message)
            ) from error


def _refuse(session: Session, theirs: BaseDatabaseWrapper, name: str) -> None:
    live = theirs.settings_dict["NAME"] or _asked(session.alias)
    rows = session.query(_DATABASE, [live, name])
    if not rows:
        raise DatabaseError(
            N_(
                "There is no database {name!r} on the server of {alias!r}. Nothing was done. Make it (createdb "
                "{name}), or leave --scratch out where the user has CREATEDB.",
                name=name,
                alias=session.alias,
            )
        )
    makes_others, encoding, wanted = rows[0]
    if name == live or name in [one["NAME"] for one in connections.settings.values()]:
        raise DatabaseError(
            N_(
                "The database {name!r} is one of DATABASES. Nothing was done. A scratch database is emptied: name with "
                "--scratch one that is for nothing else.",
                name=name,
            )
        )
    if makes_others:
        raise DatabaseError(
            N_(
                "The database {name!r} is one from which others are made. Nothing was done. Name with --scratch an "
                "empty database that is for nothing else.",
                name=name,
            )
        )
    if wanted not in (None, encoding):
        raise DatabaseError(
            N_(
                "The database {name!r} is in the encoding {encoding}, and {live!r} in {wanted}, so what is proven in "
                "one may not hold in the other. Nothing was done. Make it with ENCODING '{wanted}' TEMPLATE template0.",
                name=name,
                encoding=encoding,
                live=live,
                wanted=wanted,
            )
        )


def _claim(session: Session, name: str) -> None:
    if not claim(session, name):
        raise DatabaseError(
            N_(
                "Migrations are being proven in the database {name!r} by {holder}. Nothing was done. Do it again when "
                "that is done, or name another empty database with --scratch.",
                name=name,
                holder=holder(session, name) or N_("another process"),
            )
        )


def _asked(alias: str) -> str:
    """The name of an alias's database where another than DATABASES has it, as a service file."""
    with connected(alias) as session:
        name: str = session.query("SELECT pg_catalog.current_database()::pg_catalog.text")[0][0]
    return name


def _refuse_not_empty(there: Session, theirs: BaseDatabaseWrapper, name: str) -> None:
    found = added(there)
    if found:
        template = theirs.settings_dict["TEST"].get("TEMPLATE") or "template1"
        brought = _brought(there.alias, template)
        found = [item for item in found if item not in brought]
    if found:
        raise DatabaseError(
            N_(
                "The database {name!r} is not empty: it has {found}. Nothing was done. Drop it and make it anew, also "
                "if a proof that was killed has left that, or name another with --scratch.",
                name=name,
                found=_some(list(map(str, found))),
            )
        )


def _brought(alias: str, template: str) -> Container[Item]:
    """What every copy of a template has; nothing where nobody can look into it, as into template0."""
    try:
        with _there(alias, template, Interruption()) as there:
            return set(inventory(there))
    except DatabaseError:
        return ()


def _some(words: list[str]) -> str:
    more = len(words) - _SHOWN
    text = joined(", ", words[:_SHOWN])
    return N_("{names} and {count} more", names=text, count=more) if more > 0 else text
