"""The other processes that share a run of a fleet by slices: what they have to do first, and what is done of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from medusa_migrations.database.destination import FleetTarget
from medusa_migrations.messages import N_

from . import ledger
from .board import Board
from .dispatch import RunEnded
from .pool import Interruptions
from .request import Request
from .survey import Survey, survey
from .targets import setting, targets
from .writer import Change

# In seconds, how often a process that waits for others looks at what they have to do.
LOOK_AT_OTHERS = 5.0


class Others(NamedTuple):
    """The processes beside the one of `request`; `change` tells the ledger what became of a target."""

    request: Request
    interruptions: Interruptions
    change: Callable[[str, Change], None]

    def wait_for(self, board: Board, stage: int) -> str:
        """Wait until none has anything left of the stages before that one; says so if one of them has ended the run.

        Raises StopRequested.
        """
        is_told, look_at = False, time.monotonic() + LOOK_AT_OTHERS
        while left := board.before(stage):
            run = board.run()
            if run.ended_at:
                return str(RunEnded(run))
            if not is_told:
                names = ", ".join(one.name for one in left[:3])
                self.request.watcher.alert(
                    N_(
                        "Waiting for other processes, which have {count} to do first: {names}",
                        count=len(left),
                        names=names,
                    )
                )
                is_told = True
            self.request.interruption.wait(1.0)
            if time.monotonic() >= look_at:
                self._settle([one.name for one in left if one.state == "waiting"])
                look_at = time.monotonic() + LOOK_AT_OTHERS
        return ""

    def finish(self) -> None:
        """End the run where all is done: one of the others may be of a run that has ended before, and not tell this.

        Raises MigrationError, StopRequested.
        """
        every = self.request.of(targets(self.request.fleet))
        found = self._survey(every)
        if len(found.of_kind("current")) == len(every):
            ledger.finish(setting(self.request.fleet).control, self.request.wanted(len(every)))

    def _settle(self, names: Collection[str]) -> None:
        """Have the ledger know what is done of other processes, as by one whose run has ended before it."""
        now = {one.name: one for one in targets(self.request.fleet)}
        found = self._survey([now[name] for name in names if name in now])
        for name in names:
            if name not in now or found.standings[name].kind == "current":
                self.change(name, Change("done" if name in now else "skipped"))

    def _survey(self, some: Sequence[FleetTarget]) -> Survey:
        return survey(some, self.request.asked, self.request.limits.jobs, self.interruptions)
