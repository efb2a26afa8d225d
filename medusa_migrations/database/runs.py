"""How one run stands, as the journal, the lock and the history tell."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction
from medusa_migrations.results import AtWork, LogEntry, RunProgress, RunState

from .at_work import at_work
from .connect import open_session
from .destination import alias_of, destination
from .journal import BEGUN, ENDED, GIVEN_UP, HANDED_OVER, OF_RUNS, Wanted, entries
from .lock import lock_holder
from .session import Session


def progress(run: str, database: str) -> RunProgress:
    """As `medusa_migrations.api.progress`."""
    where = destination(database, None)
    with open_session(where) as session:
        holder = lock_holder(session)  # before the journal is read: what has ended meanwhile has its entries there
        found = entries_of(session, run)
        working = at_work(session, holder)
    if not found:
        raise PlanError(N_("The journal of the database {database!r} has no run {run}.", database=database, run=run))
    handed = [one for one in found if one.action == HANDED_OVER]
    direction, engine = read_handed_over(handed[0].message) if handed else (None, "")
    return RunProgress(
        alias_of(where),
        run,
        state_of(found, working),
        direction,
        tuple(one.id for one in handed),
        tuple(found),
        engine,
        next((one.message for one in reversed(found) if one.action == ENDED), ""),
        working,
    )


def handed_over(direction: Direction, engine: str) -> str:
    """What the entries have of a run that is handed over; `read_handed_over` reads it."""
    return f"{direction}, to {engine}"


def read_handed_over(message: str) -> tuple[Direction, str]:
    """The direction and the engine."""
    direction, _, engine = message.partition(", to ")
    return Direction(direction), engine


def entries_of(session: Session, run: str) -> list[LogEntry]:
    """All entries of a run, the earliest first. Raises DatabaseError."""
    return entries(session, Wanted(run=run))


def is_open(found: Sequence[LogEntry]) -> bool:
    """Whether a run was handed over and nothing has come of it: a worker may carry it out."""
    return bool(found) and all(one.action in (HANDED_OVER, BEGUN) for one in found)


def begun_over(pid: int) -> str:
    """What the entry of a worker that begins has, which works over the server's process `pid`."""
    return f"over the server's process {pid}"


def state_of(found: Sequence[LogEntry], working: AtWork | None) -> RunState | None:
    """How a run stands by its entries, and whoever holds the lock; None for one that was not handed over."""
    actions = {one.action for one in found}
    if HANDED_OVER not in actions:
        return None
    planned = {one.id for one in found if one.action == HANDED_OVER}
    done = {one.id for one in found if one.action not in (*OF_RUNS, "failed")}
    if GIVEN_UP in actions:
        return "given_up"
    if ENDED in actions:
        return "failed" if done or "failed" in actions else "refused"
    if planned <= done:
        return "done"
    if working and any(one.message == begun_over(working.pid) for one in found if one.action == BEGUN):
        return "running"
    if "failed" in actions:
        return "failed"
    return "cut_off" if BEGUN in actions else "waiting"
