"""What a worker does with a job of a fleet: one target of a run, if that is still wanted.

The job has what the run was asked for. What is to be done, and whether it is wanted, the ledger and the target tell: so
a job that comes twice, or late, or of a run that has ended, does nothing.
"""

from __future__ import annotations

import logging

from medusa_migrations.database.connect import CannotConnect
from medusa_migrations.database.destination import FleetTarget
from medusa_migrations.database.history import user
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.engines.engine import Job
from medusa_migrations.errors import LockError, MigrationError
from medusa_migrations.plan.forwards import Forwards

from . import ledger
from .ledger import Begun
from .request import FleetExecution, Request, downwards, upwards
from .targets import setting, target
from .work import Listening, change_of, failed, work
from .writer import Change, LedgerWriter, worker

logger = logging.getLogger("medusa_migrations")


def job_of(run: int, request: Request) -> Job:
    """What the jobs of a run have in common; each has its `target` besides."""
    options, wanted = request.options, request.asked.wanted
    how = {
        "transaction": options.mode,
        "fake": options.fake,
        "lock_timeout": options.lock_timeout,
        "statement_timeout": options.statement_timeout,
        "retries": options.retries,
        "applied_by": options.applied_by or user(),
    }
    what = {name: request.said.get(name) for name in ("to", "phase", "run")}
    what["strict"] = isinstance(wanted, Forwards) and wanted.strict
    return {"what": "fleet", "fleet": request.fleet, "number": run, "asked": what, "how": how}


def do(job: Job) -> str:
    """Do what is left to do on the job's target; in words, what became of it. Raises MigrationError."""
    fleet, name = job["fleet"], job["target"]
    control = setting(fleet).control
    begun = ledger.taken(control, job["number"], name)
    if begun is None:
        return f"{name}: not wanted any more"
    try:
        request = _request(job)
        where = target(fleet, name)
        if begun.run.build != request.asked.build:
            raise _another_build(begun, request)
    except MigrationError as error:
        reason = f"The worker {worker()} does not take targets of {fleet}: {error}"
        logger.error("%s", reason)
        ledger.refuse(control, begun, reason)
        return reason
    return f"{name}: {_work(control, begun, request, where)}"


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


def _request(job: Job) -> Request:
    """The run that the job is of, as it was asked for."""
    asked = job["asked"]
    how: FleetExecution = {**job["how"], "build": False, "lock_wait": 0}  # type: ignore[typeddict-item]  # as job_of has it
    if asked["run"] is not None:
        return downwards(job["fleet"], asked["run"], how)
    return upwards(job["fleet"], asked["to"], asked["phase"], asked["strict"], how)


def _another_build(begun: Begun, request: Request) -> MigrationError:
    return MigrationError(
        f"run {begun.run.id} is of the build {begun.run.build[:12]}, and this has {request.asked.build[:12]}. Nothing "
        "was done. Start the workers anew, with the code and the build of the run."
    )
