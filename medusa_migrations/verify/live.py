"""A live database beside the scratch: what is there and no migration has made, or the other way round."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from django.db import ProgrammingError

from medusa_migrations import conf
from medusa_migrations.database import postgresql
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History, read_known
from medusa_migrations.database.lock import lock_holder
from medusa_migrations.database.place import find
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError, PlanError
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Key, Migration
from medusa_migrations.plan.known import Known
from medusa_migrations.results import Difference
from medusa_migrations.run.prerequisites import applied_by_django, loaded

from .catalog.difference import differences, noted, with_owner_as
from .catalog.snapshot import Reader, Snapshot
from .outdated import Outdated

# Whose definition is of the version of Django that has made it. Without it and all that belongs to it here, it is one
# difference from the scratch, which is ignored.
_HISTORIES = {"public.django_migrations"}

# A reader that waits for somebody's ALTER TABLE would make everybody behind it wait too.
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '5s'"

_GRANT = N_(
    "Who looks needs USAGE on their schema, and SELECT on medusa_migrations and, where it is there, django_migrations."
)


class Live(NamedTuple):
    """A database as it was at one moment: its catalog, what both histories say is applied, and whose it is.

    What is `outdated` is not among the applied.
    """

    alias: str
    snapshot: Snapshot
    applied: Collection[Key]
    owner: str
    major: int
    outdated: Outdated = Outdated()


def read(alias: str, migrations: Sequence[Migration]) -> Live:
    """Read the database `alias` in one transaction that only reads.

    Raises PlanError while migrations are being run there, and where the files cannot tell what was applied.
    """
    with open_session(alias) as session:
        holder = lock_holder(session)
        if holder:
            raise PlanError(
                N_(
                    "Migrations of the database {alias!r} are being run by {holder}: what is there is half of "
                    "something. Nothing was compared. Look again when that is done.",
                    alias=alias,
                    holder=holder.text,
                )
            )
        history = History(session)
        session.execute(_BEGIN)
        try:
            known = read_known(history, migrations)
            _refuse_unknown(known, alias)
            found = find(session, history.place.name)
            if found is None:
                raise PlanError(
                    N_(
                        "The database {alias!r} has no history of SQL migrations, or none that this user can see, so "
                        "there is nothing to compare it with. {cure}",
                        alias=alias,
                        cure=_GRANT,
                    )
                )
            outdated = Outdated.of(known)
            applied = (set(known.rows) - set(outdated.ids)) | _applied_by_django(session)
            reader = Reader(session, [found.name, found.journal, *_HISTORIES])
            major = postgresql.server_version(session.connection) // 10_000
            return Live(alias, reader.read(), applied, found.owner, major, outdated)
        finally:
            session.rollback()


def _applied_by_django(session: Session) -> set[Key]:
    try:
        return applied_by_django(session, loaded())
    except ProgrammingError as error:
        raise DatabaseError(
            N_("{reason}. Nothing was compared. {cure}", reason=postgresql.server_error(error).message, cure=_GRANT)
        ) from None


def _refuse_unknown(known: Known, alias: str) -> None:
    changed = {migration.id for migration in known.changed()}
    unknown = [
        joined(": ", [f"  {id_}", _why(row.state, id_ in known.by_id)])
        for id_, row in known.rows.items()
        if id_ in changed or id_ not in known.by_id or row.state != "applied"
    ]
    if unknown:
        raise PlanError(
            joined(
                "\n",
                [
                    N_(
                        "What the database {alias!r} has cannot be made again from the files, so it was not compared:",
                        alias=alias,
                    ),
                    *unknown,
                    N_("Bring those files back as they were, or settle it: migrations_repair tells how."),
                ],
            )
        )


def _why(state: str, is_there: bool) -> str:
    if not is_there:
        return N_("it has no file")
    if state == "applied":
        return N_("its file has changed since")
    return N_("it is {state}", state=state.replace("_", " "))


def drift(live: Live, scratch: Snapshot, owner: str) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """What the live database has that differs from the scratch, which belongs to `owner`; and notes on their servers.

    What IGNORE names is left out, by its name with the schema or, in public, without it.
    """
    found = differences(with_owner_as(scratch, owner), with_owner_as(live.snapshot, live.owner))
    ignore = conf.get_settings().ignore
    left = [one for one in found if one.kind != "database" and not _is_ignored(one, ignore)]
    left = [one for one in left if not live.outdated.makes(one)]
    notes = tuple(
        N_("{difference}: of the servers, no drift.", difference=_in_words(one)) for one in left if noted(one)
    )
    return tuple(one for one in left if not noted(one)), (*live.outdated.notes(), *notes)


def _in_words(difference: Difference) -> str:
    what = f"{difference.kind} {difference.object}"
    if difference.attribute is None:
        return N_("{what} is {change} in the live database", what=what, change=difference.change)
    return N_(
        "{what}: {attribute} is {after!r} in the live database, else {before!r}",
        what=what,
        attribute=difference.attribute,
        after=difference.after,
        before=difference.before,
    )


def _is_ignored(difference: Difference, globs: Sequence[str]) -> bool:
    names = (difference.object, difference.object.removeprefix("public."))
    return difference.object in _HISTORIES or any(fnmatchcase(name, glob) for name in names for glob in globs)
