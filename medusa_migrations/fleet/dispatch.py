"""Has targets done by the workers of an engine, and sees to it that each is, whatever becomes of the jobs.

An engine may deliver a job twice, late or never, and a worker may be killed. The ledger tells what a worker has taken
and done, and the lock of a target whether somebody is at work there: where nobody is, the job is sent again. One that
comes twice finds the lock taken, or nothing left to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from medusa_migrations.database.connect import CannotConnect, open_session
from medusa_migrations.database.destination import FleetTarget
from medusa_migrations.database.interruption import Interruption, StopRequested
from medusa_migrations.database.lock import lock_holder
from medusa_migrations.engines.engine import ENGINES, Engine, Job
from medusa_migrations.errors import DeliveryError
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId
from medusa_migrations.results import Failure

from .board import Board
from .ledger import Run, Target
from .results import TargetResult

# In seconds: how often it is looked what a worker has done; whether it is still at work; and how long nothing may
# happen in the whole run until a job that nobody has taken counts as lost, the first time and at most.
LOOK = 0.25
LOOK_AT_LOCK = 2.0
PATIENCE = 10.0
MOST_PATIENCE = 300.0

# Until a job is sent again that the engine did not take, where it has taken others: a broker may be started anew.
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)

# How often a target may be refused by workers that have another build, which a deployment may be about to replace.
MOST_REFUSALS = 6


class RunEnded(Exception):
    """Another process has ended the run, and no worker takes a target of it any more."""

    def __init__(self, run: Run) -> None:
        super().__init__(N_("Another process has ended run {run}: {outcome}.", run=run.id, outcome=run.outcome))


class Dispatch:
    """Sends the jobs of a run; `job` is what they have in common.

    `alert` is told what somebody should know of. `seen` looks at a target itself, and gives what became of it where
    nothing is left to do there.
    """

    def __init__(
        self,
        engine: Engine,
        board: Board,
        job: Job,
        alert: Callable[[str], None],
        seen: Callable[[FleetTarget], TargetResult | None],
    ) -> None:
        self.engine, self.board, self.job, self.seen, self._alert = engine, board, job, seen, alert
        self.is_taking = False  # whether the engine takes jobs, as far as is known
        self._told: set[str] = set()

    def work(self, target: FleetTarget, interruption: Interruption) -> TargetResult:
        """What a worker has made of a target. Raises DeliveryError where none can, StopRequested before one has begun.

        Raises RunEnded where it is for nobody any more. After a stop, a worker that is at work there goes to its end.
        """
        try:
            return _Delivery(self, target, interruption).result()
        except (StopRequested, DeliveryError, RunEnded):
            if not self.board.withdraw(target.name):
                self.tell(N_("{target}: a worker is at work there, and goes to its end.", target=target.name))
            raise

    def send(self, name: str) -> None:
        """Have one of the workers take a target, unless it is done. Raises DeliveryError."""
        if self.board.queue(name):
            self.engine.send([{**self.job, "target": name}])
            self.is_taking = True

    def tell(self, text: str) -> None:
        """Say it once, however many targets it is about."""
        if text not in self._told:
            self._told.add(text)
            self._alert(text)


class _Delivery:
    """One target, until the ledger has that it is done."""

    def __init__(self, dispatch: Dispatch, target: FleetTarget, interruption: Interruption) -> None:
        self.dispatch, self.target, self.interruption = dispatch, target, interruption
        self.sent_at = 0.0
        self.patience = PATIENCE
        self.refusals = 0

    def result(self) -> TargetResult:
        self._send()
        while True:
            self.interruption.wait(LOOK)
            row = self.dispatch.board.target(self.target.name)
            if row.is_settled:
                return _result(row)
            if run := self.dispatch.board.ended:
                raise RunEnded(run)
            if row.error:
                self._refused(row)
            elif row.state == "running":
                self._wait_or_send_again()
            elif self._quiet_seconds() > self.patience:
                if found := self.dispatch.seen(self.target):
                    return found
                self._not_taken()

    def _send(self) -> None:
        """Raises DeliveryError where the engine takes no job, or none any more for a minute."""
        pauses = iter(PAUSES)
        while True:
            try:
                self.dispatch.send(self.target.name)
            except DeliveryError as error:
                pause = next(pauses, None)
                if pause is None or not self.dispatch.is_taking:
                    self.dispatch.is_taking = False
                    raise
                self.dispatch.tell(N_("{error} It is tried again for a minute.", error=error.args[0]))
                self.interruption.wait(pause)
            else:
                self.sent_at = time.monotonic()
                return

    def _quiet_seconds(self) -> float:
        return time.monotonic() - max(self.sent_at, self.dispatch.board.changed_at)

    def _wait_or_send_again(self) -> None:
        """Where a worker was at work and holds the lock no more, it may still be about to write that."""
        self.interruption.wait(LOOK_AT_LOCK)
        if self._holder() is None:
            self.interruption.wait(LOOK_AT_LOCK)
            row = self.dispatch.board.target(self.target.name)
            if row.state == "running" and self._holder() is None:
                self.dispatch.tell(
                    N_(
                        "{target}: the worker {worker} is gone. Another one goes on there.",
                        target=self.target.name,
                        worker=row.worker,
                    )
                )
                self._send()

    def _refused(self, row: Target) -> None:
        """A worker does not take it, as one that has another build; there may soon be others."""
        self.dispatch.tell(row.error)
        self.refusals += 1
        if self.refusals == MOST_REFUSALS:
            raise DeliveryError(row.error)
        self.interruption.wait(2.0**self.refusals)
        self._send()

    def _not_taken(self) -> None:
        """Nobody has taken it, or somebody else has held its lock when it was."""
        if holder := self._holder():
            self.dispatch.tell(N_("{target}: waiting for {holder}", target=self.target.name, holder=holder))
            self.interruption.wait(LOOK_AT_LOCK)
            return
        engine = self.dispatch.engine
        if not self.dispatch.board.is_at_work:
            self.dispatch.tell(
                N_(
                    "No worker has begun with a target for {seconds:.0f} s. Is one serving the queue {queue!r}? {hint}",
                    seconds=self.patience,
                    queue=engine.queue,
                    hint=ENGINES[engine.name].worker.format(queue=engine.queue),
                )
            )
        self.patience = min(2 * self.patience, MOST_PATIENCE)
        self._send()

    def _holder(self) -> str | None:
        """Who holds the lock of the target. Where that cannot be asked, somebody may."""
        try:
            with open_session(self.target) as session:
                found = lock_holder(session)
        except CannotConnect as error:
            return str(error)
        return found and found.text


def _result(row: Target) -> TargetResult:
    applied = tuple(MigrationId(*id_.split(".", 1)) for id_ in row.applied)
    if row.state != "failed":
        return TargetResult(row.name, "done" if applied else "current", applied, _milliseconds(row), row.attempt)
    migration = MigrationId(*row.migration.split(".", 1)) if row.migration else None
    failure = Failure(migration, row.error, row.file or None, row.line, None, row.sqlstate or None)
    return TargetResult(row.name, "failed", applied, _milliseconds(row), row.attempt, failure, row.told)


def _milliseconds(row: Target) -> int | None:
    if row.begun_at is None or row.ended_at is None:
        return None
    return max(0, int((row.ended_at - row.begun_at).total_seconds() * 1000))  # the clocks of two workers may differ
