"""One target of a run, under its lock: whoever delivers it, and however often, this does what is left to do there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from medusa_migrations.database.connect import CannotConnect, open_session
from medusa_migrations.database.destination import FleetTarget, alias_of
from medusa_migrations.database.history import History
from medusa_migrations.database.interruption import Interruption, StopRequested
from medusa_migrations.errors import Interrupted, LockError, MigrationError, MigrationFailed
from medusa_migrations.events import Event, Started
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import Failure, RunResult
from medusa_migrations.run.carry_out import carry_out_in
from medusa_migrations.run.options import Options

from .results import TargetResult
from .survey import Asked, connecting
from .writer import Change, State

# The SQLSTATE of standard SQL for a connection that cannot be made; of the server itself there is none then.
UNREACHABLE = "08001"

_DONE = ("applied", "reverted", "faked")


class Listening(NamedTuple):
    """Who is told of one target: of events, and when its first migration begins, under its lock."""

    told: Callable[[Event], None]
    begins: Callable[[], None]


def work(
    target: FleetTarget,
    asked: Asked,
    options: Options,
    listening: Listening,
    interruption: Interruption,
    attempt: int = 1,
) -> TargetResult:
    """Do what is asked on a target, as `options` say. What goes wrong there is in the result, and no error.

    Raises CannotConnect where it cannot be connected to for some seconds, LockError where another has its lock.
    """
    begun = time.monotonic()
    own = options._replace(
        target=target, database=alias_of(target), interruption=interruption, listener=_listener(listening)
    )

    def result(state: str, done: RunResult | None, error: MigrationError | None = None) -> TargetResult:
        failure = done.error if done and done.error else Failure(None, str(error)) if error else None
        milliseconds = int((time.monotonic() - begun) * 1000)
        return TargetResult(
            target.name,
            state,  # type: ignore[arg-type]  # one of those below
            _done(done),
            milliseconds,
            attempt,
            failure,
            str(error) if error else "",
        )

    try:
        done = connecting(lambda: carry_out_in(asked.migrations, asked.wanted, own), interruption.wait)
    except Interrupted as error:
        was_begun = error.result is not None and bool(error.result.migrations)
        return result("failed" if was_begun else "not_reached", error.result, error)
    except MigrationFailed as error:
        return result("failed", error.result, error)
    except (CannotConnect, LockError):
        raise
    except MigrationError as error:
        return result("failed", None, error)
    except StopRequested:
        return TargetResult(target.name, "not_reached")
    found = result("done" if done.migrations else "current", done)
    if attempt > 1 and options.run and asked.wanted.direction is Direction.UP:
        return with_earlier(found, target, options.run)
    return found


def with_earlier(result: TargetResult, target: FleetTarget, run: str) -> TargetResult:
    """With what the run had applied before: the server may have done what a process sent that was killed meanwhile."""
    with open_session(target) as session:
        ids = tuple(row.id for row in History(session).rows(details=True) if row.run == run)
    return result._replace(state="done" if ids else result.state, applied=ids or result.applied)


def failed(name: str, error: MigrationError, attempt: int = 0) -> TargetResult:
    """What to say of a target on which nothing was done, for that reason."""
    sqlstate = UNREACHABLE if isinstance(error, CannotConnect) else None
    failure = Failure(None, str(error), sqlstate=sqlstate)
    return TargetResult(name, "failed", (), None, attempt, failure, str(error))


def change_of(result: TargetResult) -> Change:
    """What the ledger is to have of it."""
    state: State = "failed" if result.state == "failed" else "done"
    return Change(state, [str(id_) for id_ in result.applied], result.error, result.told)


def _listener(listening: Listening) -> Callable[[Event], None]:
    """Has it known when the first migration begins, and tells the rest."""
    is_begun = False

    def tell(event: Event) -> None:
        nonlocal is_begun
        if isinstance(event, Started) and not is_begun:
            is_begun = True
            listening.begins()
        listening.told(event)

    return tell


def _done(result: RunResult | None) -> tuple[MigrationId, ...]:
    return tuple(one.id for one in result.migrations if one.status in _DONE) if result else ()
