"""What a worker does with a job of a fleet: one target of a run, if that is still wanted.

The job names the run and the target. What is to be done, and whether it is wanted, the ledger and the target tell: so
a job that comes twice, or late, or of a run that has ended, does nothing.
"""

from __future__ import annotations

import logging

from medusa_migrations.database.connect import CannotConnect
from medusa_migrations.database.destination import FleetTarget
from medusa_migrations.database.history import user
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.engines.engine import Job
from medusa_migrations.engines.work import NOT_WANTED
from medusa_migrations.errors import LockError, MigrationError
from medusa_migrations.messages import N_

from . import ledger
from .ledger import Begun, Run
from .request import FleetExecution, Request, downwards, upwards
from .targets import target
from .work import Listening, change_of, failed, work
from .writer import Change, LedgerWriter, worker

logger = logging.getLogger("medusa_migrations")

# How a target is run, of what the ledger does not say.
_HOW = ("lock_timeout", "statement_timeout", "retries", "applied_by")


def job_of(run: int, control: str, request: Request) -> Job:
    """What the jobs of a run have in common; each has its `target` besides.

    What is to be done is not in it, as the ledger says that: a job may come to a worker that has another ledger, or may
    be older than this one.
    """
    options = request.options
    how = {name: getattr(options, name) for name in _HOW} | {"applied_by": options.applied_by or user()}
    return {"what": "fleet", "fleet": request.fleet, "number": run, "control": control, "how": how}


def do(job: Job) -> str:
    """Do what is left to do on the job's target; in words, what became of it."""
    try:
        fleet, name, control, number = str(job["fleet"]), str(job["target"]), str(job["control"]), int(job["number"])
        how: FleetExecution = {key: job["how"][key] for key in _HOW}  # type: ignore[assignment]  # keys of it
    except (KeyError, TypeError, ValueError):
        return NOT_WANTED
    try:
        begun = ledger.taken(control, number, name)
        if begun is None or begun.run.fleet != fleet:
            return f"{name}: not wanted any more"
        return f"{name}: {_taken(control, begun, how)}"
    except MigrationError as error:  # of the ledger: whoever waits for this looks at the target itself
        logger.error("The worker %s cannot tell what became of %s of %s: %s", worker(), name, fleet, error)
        return f"{name}: {error}"


def _taken(control: str, begun: Begun, how: FleetExecution) -> str:
    fleet, (entry,) = begun.run.fleet, begun.targets
    try:
        request = _request(begun.run, how)
        where = target(fleet, entry.name)
        if begun.run.build != request.asked.build:
            raise _another_build(begun, request)
    except MigrationError as error:
        reason = f"The worker {worker()} does not take targets of {fleet}: {error}"
        logger.error("%s", reason)
        ledger.refuse(control, begun, reason)
        return reason
    return _work(control, begun, request, where)


def _work(control: str, begun: Begun, request: Request, where: FleetTarget) -> str:
    (entry,) = begun.targets
    with LedgerWriter(control, begun) as writer:
        listening = Listening(lambda event: None, lambda: writer.change(entry, Change("running")))
        options = request.options._replace(run=begun.run.mark)
        try:
            result = work(where, request.asked, options, listening, Interruption(), entry.attempt + 1)
        except LockError:
            return "another worker is at work there"
        except CannotConnect as error:
            result = failed(where.name, error)
        writer.change(entry, change_of(result))
    return result.told or result.state


def _request(run: Run, how: FleetExecution) -> Request:
    """The run as it was asked for."""
    asked = run.options
    how = {
        **how,
        "transaction": asked.get("transaction"),
        "fake": asked.get("fake", False),
        "build": False,
        "lock_wait": 0,
        "engine": "none",
    }
    if "run" in asked:
        return downwards(run.fleet, asked["run"], how)
    return upwards(run.fleet, asked.get("to"), asked.get("phase"), asked.get("strict", False), how)


def _another_build(begun: Begun, request: Request) -> MigrationError:
    return MigrationError(
        N_(
            "run {run} is of the build {build}, and this has {own_build}. Nothing was done. Start the workers anew, "
            "with the code and the build of the run.",
            run=begun.run.id,
            build=begun.run.build[:12],
            own_build=request.asked.build[:12],
        )
    )
