"""What one look at a database has found, and what that means for whoever waits for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from medusa_migrations.database.connect import CannotConnect
from medusa_migrations.migration import Key, MigrationId
from medusa_migrations.plan.known import UNFINISHED_REVERTS, Known, in_order, renamed, renamed_cure, state_of
from medusa_migrations.results import Failure

# How many of what is pending an error names.
NAMED = 10


class Look(NamedTuple):
    """What one look at a database has found.

    `unreachable` is why it cannot be reached, None where it can. `sql` and `django` are pending, `holder` is who runs
    migrations meanwhile. `hopeless` is why no time mends it.
    """

    unreachable: CannotConnect | None = None
    sql: tuple[MigrationId, ...] = ()
    django: tuple[Key, ...] = ()
    holder: str = ""
    hopeless: Failure | None = None

    @property
    def is_ready(self) -> bool:
        return not (self.unreachable or self.hopeless or self.sql or self.django)

    @property
    def pending(self) -> tuple[str, ...]:
        """The ids of both kinds."""
        return tuple(f"{app}.{name}" for app, name in (*self.sql, *self.django))


def words_for(look: Look) -> str:
    """What is waited for, in a line."""
    if look.unreachable:
        return f"not reachable: {' '.join(look.unreachable.reason.split())}"
    counts = [f"{_count(len(look.sql), 'SQL migration')}"] if look.sql else []
    if look.django:
        counts.append(
            f"{len(look.django)} of Django's" if counts else _count(len(look.django), "migration of Django's")
        )
    verb = "is" if len(look.pending) == 1 else "are"
    at_work = f", being run by {look.holder}" if look.holder else ""
    return f"{' and '.join(counts)} {verb} pending{at_work}"


def _count(number: int, what: str) -> str:
    return f"{number} {what if number == 1 else what.replace('migration', 'migrations')}"


def hopeless(known: Known, *, is_held: bool, held_back: Collection[MigrationId] = ()) -> Failure | None:
    """The first migration that keeps every run from ending well, and what to do; None if there is none.

    One that has failed may yet be mended by who holds the lock, and a run leaves it where it is `held_back`.
    """
    for old, new in renamed(known, known.pending()):
        return Failure(
            new.id,
            f"{new.id} is pending and has the SQL of {old}, which is applied and has no file any more, so no run goes "
            f"on. {renamed_cure(old, new, known)}",
        )
    for id_ in in_order(known):
        state = state_of(id_, known, locked=is_held)
        if state == "changed":
            return Failure(
                id_,
                f"{id_} was changed since it was applied ({known.by_id[id_].source}), so no run goes on. Bring the "
                f"file back as it was, or record what it says today with migrations_repair --accept-changes {id_}",
            )
        if state == "failed" and not is_held:
            row = known.rows[id_]
            if id_ in held_back and row.state not in UNFINISHED_REVERTS:
                continue
            again = "migrations_revert" if row.state in UNFINISHED_REVERTS else "migrations_run"
            why = f": {row.error}" if row.error else ""
            return Failure(
                id_,
                f"{id_} has failed part-way, and nobody is at work on it{why}\nFix the cause and run {again}, or "
                "settle it by hand: migrations_repair says how.",
            )
    return None


def overdue(look: Look, timeout: float) -> str:
    """What to say at the end of the time."""
    if look.unreachable:
        return f"{look.unreachable}\nWaited {timeout:g} s. --timeout sets how long."
    names = "".join(f"\n  {id_}" for id_ in look.pending[:NAMED])
    more = len(look.pending) - NAMED
    rest = f"\n  and {more} more" if more > 0 else ""
    return (
        f"Waited {timeout:g} s, and {words_for(look)}:{names}{rest}\n"
        "Apply them with migrate or migrations_run, or wait longer: --timeout sets how long."
    )
