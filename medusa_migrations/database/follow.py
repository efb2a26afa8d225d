"""Has the history of a database follow migrations that were renamed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from medusa_migrations import conf
from medusa_migrations.errors import DatabaseError, LockError
from medusa_migrations.events import Listener
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId
from medusa_migrations.plan.known import Row

from .connect import open_session, usable
from .history import History
from .journal import Entry
from .lock import run_lock


class Wanted(NamedTuple):
    """What the history is to follow: old names and new ones, and for ids of now the checksums before and after."""

    renamed: Mapping[MigrationId, MigrationId]
    checksums: Mapping[MigrationId, tuple[str, str]]


class Followed(NamedTuple):
    """The ids of now of the rows that have followed; `notes` say why others have not."""

    ids: tuple[MigrationId, ...] = ()
    notes: tuple[str, ...] = ()


def refuse_unknown(alias: str) -> None:
    """Raise DatabaseError for a database that DATABASES does not have, or that is not PostgreSQL."""
    usable(alias)


def follow(wanted: Wanted, alias: str, listener: Listener) -> Followed:
    """Change the rows of the database `alias` that are of what is wanted, all or none.

    A checksum is changed where it is recorded as it was before. A database that cannot be reached or used now, or has
    no history, is no error.
    """
    if not wanted.renamed and not wanted.checksums:
        return Followed()
    wait = conf.chosen("lock_wait", None)
    try:
        with open_session(alias) as session:
            history = History(session)
            if not (rows := _rows(history)):
                return Followed(
                    notes=(N_("The database {alias!r} has no history, so there is nothing that follows.", alias=alias),)
                )
            if not changes(rows, wanted):
                return Followed()
            with run_lock(session, wait, listener):
                session.refuse_unusable()
                history.open()
                return _written(history, wanted)
    except (DatabaseError, LockError) as error:
        return Followed(
            notes=(
                N_("The history of the database {alias!r} has not followed. {error}", alias=alias, error=error.args[0]),
            )
        )


def _written(history: History, wanted: Wanted) -> Followed:
    rows = _rows(history)
    changed = changes(rows, wanted)
    history.write([history.update(id_, _entry(id_, values), **values) for id_, values in changed.items()])
    both = [(old, new) for old, new in wanted.renamed.items() if old in rows and new in rows]
    return Followed(
        tuple(wanted.renamed.get(id_, id_) for id_ in changed),
        tuple(
            N_("{old} and {new} are both in the history: settle that with migrations_repair.", old=old, new=new)
            for old, new in both
        ),
    )


def _entry(id_: MigrationId, values: Mapping[str, str]) -> Entry:
    """What the journal is to have of a row that follows."""
    return Entry("renamed", f"was {id_}") if "name" in values else Entry("repaired", "today's checksum is recorded")


def _rows(history: History) -> dict[MigrationId, Row]:
    return {row.id: row for row in history.rows()}


def changes(rows: Mapping[MigrationId, Row], wanted: Wanted) -> dict[MigrationId, dict[str, str]]:
    """What is to be another, by the ids that the rows have."""
    found = {}
    for old, row in rows.items():
        new = wanted.renamed.get(old, old)
        before, after = wanted.checksums.get(new, (None, ""))
        values = {"name": new.name} if new != old else {}
        if row.checksum == before:
            values["checksum"] = after
        if values and (new == old or new not in rows):
            found[old] = values
    return found
