"""The history row of a migration that no transaction holds: under way, then done, or failed."""

from __future__ import annotations

import functools
import hashlib
import time
from typing import NamedTuple

from medusa_migrations.database.history import History
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.migration import Direction

from .failure import StatementFailed
from .logged import applied, reverted
from .shared import Run
from .task import Task

# The checksum of an up part of which nothing is done.
NOTHING = hashlib.sha256(b"").hexdigest()


class Unfinished(NamedTuple):
    """The row of `task`, as SQL for whoever sends it."""

    run: Run
    task: Task

    @property
    def history(self) -> History:
        return self.run.history

    def open(self) -> str:
        """SQL that marks the migration as under way; what it has done before stays known."""
        task = self.task
        if task.row is None:
            return self.history.insert(task.id, NOTHING, task.down, state="running")
        if task.direction is Direction.UP:
            run, by = self.history.run, self.history.applied_by
            row = self.history.update(task.id, state="running", error="", down=task.down, run=run, applied_by=by)
            return self.history.move_to_end(task.id) + row
        if task.row.state in ("reverting", "revert_failed"):
            return self.history.update(task.id, state="reverting", error="")
        return self.history.update(task.id, state="reverting", error="", statements_done=0, progress=None)

    def close(self, begun: float) -> str:
        """SQL that marks it as applied, or forgets it; `begun` is by the monotonic clock."""
        task, milliseconds = self.task, int((time.monotonic() - begun) * 1000)
        if task.direction is Direction.DOWN:
            assert task.row is not None  # as of all that is reverted
            return self.history.remove(task.row, reverted(task, str(milliseconds)))
        return self.history.update(
            task.id,
            applied(task, str(milliseconds)),
            state="applied",
            checksum=task.checksum,
            duration_ms=milliseconds,
            progress=None,
        )

    def record_failure(self, error: StatementFailed | StopRequested, *, is_untouched: bool = False) -> None:
        """Say in the history why it failed, and where; where that cannot be soon, the row stays under way.

        Of a revert that `is_untouched`, because nothing of it is done, the row becomes what it was. Only for a row that
        was opened: another one still says what is true.
        """
        text = "\n".join(error.facts()) if isinstance(error, StatementFailed) else str(error)
        self.run.settle(functools.partial(self._failed, text, is_untouched=is_untouched))

    def _failed(self, error: str, *, is_untouched: bool) -> str:
        before, id_ = self.task.row, self.task.id
        if self.task.direction is Direction.UP:
            return self.history.update(id_, state="failed", error=error)
        if before and before.state == "applied" and is_untouched:
            done, at = before.statements_done, before.applied_at
            return self.history.update(id_, state="applied", statements_done=done, applied_at=at, error=before.error)
        return self.history.update(id_, state="revert_failed", error=error)
