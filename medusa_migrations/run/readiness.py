"""What one look at a database has found, and what that means for whoever waits for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from medusa_migrations.database.connect import CannotConnect
from medusa_migrations.messages import N_
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
        return N_("not reachable: {reason}", reason=" ".join(look.unreachable.reason.split()))
    what = _counted(len(look.sql), len(look.django))
    at_work = N_(", being run by {holder}", holder=look.holder) if look.holder else ""
    if len(look.pending) == 1:
        return N_("{what} is pending{at_work}", what=what, at_work=at_work)
    return N_("{what} are pending{at_work}", what=what, at_work=at_work)


def _counted(sql: int, django: int) -> str:
    """How many there are of both kinds, in words."""
    if sql and django:
        return N_("{sql} and {count} of Django's", sql=_counted(sql, 0), count=django)
    if django:
        return N_("1 migration of Django's") if django == 1 else N_("{count} migrations of Django's", count=django)
    return N_("1 SQL migration") if sql == 1 else N_("{count} SQL migrations", count=sql)


def hopeless(known: Known, *, is_held: bool, held_back: Collection[MigrationId] = ()) -> Failure | None:
    """The first migration that keeps every run from ending well, and what to do; None if there is none.

    One that has failed may yet be mended by who holds the lock, and a run leaves it where it is `held_back`.
    """
    for old, new in renamed(known, known.pending()):
        return Failure(
            new.id,
            N_(
                "{id} is pending and has the SQL of {old}, which is applied and has no file any more, so no run goes "
                "on. {cure}",
                id=new.id,
                old=old,
                cure=renamed_cure(old, new, known),
            ),
        )
    for id_ in in_order(known):
        state = state_of(id_, known, locked=is_held)
        if state == "changed":
            return Failure(
                id_,
                N_(
                    "{id} was changed since it was applied ({path}), so no run goes on. Bring the file back as it was, "
                    "or record what it says today with migrations_repair --accept-changes {id}",
                    id=id_,
                    path=known.by_id[id_].source,
                ),
            )
        if state == "failed" and not is_held:
            row = known.rows[id_]
            if id_ in held_back and row.state not in UNFINISHED_REVERTS:
                continue
            again = "migrations_revert" if row.state in UNFINISHED_REVERTS else "migrations_run"
            why = f": {row.error}" if row.error else ""
            return Failure(
                id_,
                N_(
                    "{id} has failed part-way, and nobody is at work on it{why}\n"
                    "Fix the cause and run {command}, or settle it by hand: migrations_repair says how.",
                    id=id_,
                    why=why,
                    command=again,
                ),
            )
    return None


def overdue(look: Look, timeout: float) -> str:
    """What to say at the end of the time."""
    if look.unreachable:
        problem = look.unreachable.args[0]
        return N_("{problem}\nWaited {seconds:g} s. --timeout sets how long.", problem=problem, seconds=timeout)
    names = "".join(f"\n  {id_}" for id_ in look.pending[:NAMED])
    more = len(look.pending) - NAMED
    rest = N_("\n  and {count} more", count=more) if more > 0 else ""
    return N_(
        "Waited {seconds:g} s, and {what}:{names}{rest}\n"
        "Apply them with migrate or migrations_run, or wait longer: --timeout sets how long.",
        seconds=timeout,
        what=words_for(look),
        names=names,
        rest=rest,
    )
