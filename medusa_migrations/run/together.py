"""Migrations in one transaction: all of them, `--transaction all`, or some that only make sense together."""

from __future__ import annotations

import time
from collections.abc import Sequence

from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.keys import LOCK_LOST
from medusa_migrations.database.postgresql import CHECK_DEFERRED, FORGET_REACHED
from medusa_migrations.database.session import mark
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction

from .batches import batches
from .each import as_part, before_a_part, history_sql, sender
from .failure import Ending, StatementFailed
from .logged import applied
from .report import Report, milliseconds_since
from .sending import ask, send_around
from .shared import Run
from .task import Task

# Nothing is told before a message's end.
FILES = 50

_SAVEPOINT = "medusa_migrations_batch"
_ALL_ROLLED_BACK = N_("Everything was rolled back: this run has changed nothing.")


class Together:
    """Carries out `tasks`, all of them or none, and tells `report` of each."""

    def __init__(self, run: Run, report: Report, tasks: Sequence[Task]) -> None:
        self.run, self.report, self.tasks = run, report, tasks
        self.is_committing = False
        self.first = 0  # of its own results

    def carry_out(self) -> None:
        """Raises StatementFailed, StopRequested."""
        self.first = len(self.report.results)
        self.report.begin_together()
        self.run.retries.run(self._attempt)
        self.report.committed_together()

    def ending(self) -> Ending:
        """What becomes of all of them if this has failed."""
        outcome = _ALL_ROLLED_BACK
        if self.run.options.mode != "all":
            ids = ", ".join(str(task.id) for task in self.tasks)
            outcome = N_("All that shares its transaction was rolled back, and is as it was: {ids}.", ids=ids)
        return Ending(outcome, may_be_done=self.is_committing, of_all=True)

    def _attempt(self) -> None:
        del self.report.results[self.first :]
        self.is_committing = False
        send_around(self.run.session, None, f"{FORGET_REACHED}; BEGIN")
        for batch in batches(self.tasks, FILES):
            if len(batch) == 1 or self.run.session.is_citus or not self._sent_as_one(batch):
                for task in batch:
                    self.report.carry_out(task, sender(self.run, task))
        self.is_committing = True
        options = self.run.options
        send_around(self.run.session, None, f"{options.timeouts('SET LOCAL')}{CHECK_DEFERRED}{options.guard}COMMIT")

    def _sent_as_one(self, batch: Sequence[Task]) -> bool:
        """Send migrations as one message; False if that failed, with nothing of it left.

        Sent one by one they tell then which of them fails, and where.
        """
        session = self.run.session
        session.interruption.check()
        self.report.tell_how_far(batch[0])
        done, begun = len(self.report.results) - self.first, time.monotonic()
        message = "".join(self._in_batch(task, done + number, number) for number, task in enumerate(batch, 1))
        message += self._logged(batch)
        # The first batch goes without a savepoint, behind which SET TRANSACTION is refused.
        if done:
            message = f"SAVEPOINT {_SAVEPOINT};{message}RELEASE {_SAVEPOINT}"
        try:
            send_around(session, None, mark(batch[0].id) + message)
        except StopRequested:
            reached = max(session.reached() - done, 0)
            self._finish(batch, reached, begun)
            for task in batch[reached : reached + 1]:
                self.report.tell_start(task)
            raise
        except StatementFailed as failed:
            if failed.error.is_lost:
                raise
            session.take_notices()
            undo = f"ROLLBACK TO {_SAVEPOINT}; RELEASE {_SAVEPOINT}" if done else "ROLLBACK; BEGIN"
            send_around(session, None, undo)
            # For whoever frees the lock to be found, it has to be there again.
            if LOCK_LOST in failed.error.message and ask(session, None, session.lock.take) != [(True,)]:
                raise
            return False
        self._finish(batch, len(batch), begun)
        return True

    def _finish(self, batch: Sequence[Task], done: int, begun: float) -> None:
        self.report.finish_together(batch, [milliseconds_since(begun) // len(batch)] * done)

    def _in_batch(self, task: Task, number: int, place: int) -> str:
        """A migration as a part of a message; `number` is its own among all, `place` that in the batch, from 1."""
        history = self.run.history
        # The journal's entries of up parts come at the end of the message.
        last = history if task.direction is Direction.UP else history.journal
        row = history_sql(self.run, task, last.elapsed_since_last(), logged=False)
        part = as_part(self.run, task, before_a_part(self.run), row)
        return part + self.run.session.reach(number, is_first=place == 1)

    def _logged(self, batch: Sequence[Task]) -> str:
        """SQL for the journal's entries of up parts in a message; those of down parts come with their rows."""
        done = [(task.id, task.checksum, applied(task, "")) for task in batch if task.direction is Direction.UP]
        history = self.run.history
        return history.journal.add_of_rows(history.table, done) if done else ""
