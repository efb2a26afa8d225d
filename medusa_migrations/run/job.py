"""What a worker does with a run that was handed over: that plan or nothing, however often it is delivered."""

from __future__ import annotations

from medusa_migrations.database import postgresql
from medusa_migrations.database.connect import CannotConnect, open_session
from medusa_migrations.database.history import History
from medusa_migrations.database.journal import BEGUN, ENDED, HANDED_OVER, Entry
from medusa_migrations.database.runs import begun_over, entries_of, is_open
from medusa_migrations.engines.engine import Job
from medusa_migrations.engines.work import NOT_WANTED
from medusa_migrations.errors import LockError, MigrationError, PlanError, StalePlanError
from medusa_migrations.results import LogEntry

from .carry_out import carry_out
from .hand_over import Asked, record

# How long another delivery of the same job may take from having the lock to saying so.
_LOCK_WAIT = 5

_STALE = (
    "What would be done is not what was confirmed any more: migrations were run meanwhile, or the worker has another "
    "build than the web server. Nothing was done. Look at it again."
)


class _Settled(PlanError):
    """Nothing is left to do of the run."""


def do(job: Job) -> str:
    """Carry out what `job` asks for; gives in words what became of it, for the worker's log.

    What it does, and why not, the journal has too. Raises CannotConnect where the database cannot be reached.
    """
    try:
        run, asked = str(job["run"]), Asked.of(job)
    except (KeyError, TypeError):
        return NOT_WANTED
    found = _entries(asked, run)
    if not is_open(found):
        return f"{run}: nothing is left to do"
    try:
        return _carried_out(run, asked, found)
    except _Settled as settled:
        return str(settled)
    except CannotConnect:
        raise
    except MigrationError as error:
        return _ended(run, asked, error)


def _carried_out(run: str, asked: Asked, found: list[LogEntry]) -> str:
    """The plan that the journal has; the job could be anybody's, and be of any age."""
    expected = next(one.checksum for one in found if one.action == HANDED_OVER)

    def begin(history: History) -> None:
        now = entries_of(history.session, run)
        if not is_open(now):
            raise _Settled(f"{run}: nothing is left to do")
        history.open()
        entry = Entry(BEGUN, begun_over(postgresql.backend_pid(history.session.connection)))
        history.write([history.journal.add(now[0].id, "", entry)])

    options = asked.options(lock_wait=_LOCK_WAIT)._replace(expected=expected, run=run, begin=begin)
    result = carry_out(asked.wanted(), options)
    return f"{run}: {len(result.migrations)} done"


def _ended(run: str, asked: Asked, error: MigrationError) -> str:
    """Have the journal know why a run has ended early, unless another delivery of the same job goes on with it."""
    found = _entries(asked, run)
    if isinstance(error, LockError) and any(one.action == BEGUN for one in found):
        return f"{run}: another worker is at work on it"
    if isinstance(error, StalePlanError) and not is_open(found):
        return f"{run}: nothing is left to do"
    text = _STALE if isinstance(error, StalePlanError) else str(error)
    record(asked, run, found[0].id, Entry(ENDED, text))
    return f"{run}: {text}"


def _entries(asked: Asked, run: str) -> list[LogEntry]:
    with open_session(asked.database) as session:
        return entries_of(session, run)
