"""Carries out tasks: each in a transaction, all in one, or without; tells of it through events."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from medusa_migrations.database.history import SERVER_MILLISECONDS, History
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.postgresql import CHECK_DEFERRED, FORGET_REACHED, LOCK_LOST, TRY_LOCK
from medusa_migrations.database.session import Session, mark
from medusa_migrations.errors import Interrupted, MigrationFailed
from medusa_migrations.events import Failed, Finished, Listener, Noticed, Started
from medusa_migrations.migration import Direction
from medusa_migrations.results import Failure, MigrationResult, RunResult, Status
from medusa_migrations.sql.scanner import split

from .batches import batches
from .failure import StatementFailed
from .options import Options
from .retries import Retries
from .sending import ask, send, send_around, send_statement
from .stepwise import Stepwise, resume_at
from .task import Script, Task

if TYPE_CHECKING:
    from .python.calling import Alone

_BATCH = "medusa_migrations_batch"  # a savepoint
_ALL_ROLLED_BACK = "Everything was rolled back: this run has changed nothing."


class Runner:
    """Runs tasks over one session, which holds the lock."""

    def __init__(self, session: Session, history: History, options: Options, listener: Listener) -> None:
        self.session, self.history, self.options, self.tell = session, history, options, listener
        self.retries = Retries(session, options.retries, listener)
        self.results: list[MigrationResult] = []
        self.current: Task | None = None
        self.is_committing = False  # the one transaction for all

    @contextlib.contextmanager
    def ready(self) -> Iterator[None]:
        """While this lasts, the session is fit for `run`."""
        self.session.prepare()
        with self.session.watched(self.tell):
            yield

    def run(self, direction: Direction, tasks: Sequence[Task]) -> RunResult:
        """Carry out `tasks` in their order; without one transaction for all, results are of all runs so far.

        Raises MigrationFailed, Interrupted.
        """
        for task in tasks:
            resume_at(task)
        try:
            if self.options.mode == "all":
                self.retries.run(lambda: self._together(tasks))
            else:
                for task in tasks:
                    self._alone(task)
        except StatementFailed as failed:
            raise self._failed(direction, failed) from failed
        except StopRequested as stop:
            raise self._interrupted(direction, stop.outcome) from stop
        return RunResult(self.session.alias, direction, tuple(self.results))

    def _together(self, tasks: Sequence[Task]) -> None:
        """All in one transaction."""
        self.results.clear()
        self.is_committing = False
        send_around(self.session, None, f"{FORGET_REACHED}; BEGIN")
        for batch in batches(tasks):
            if len(batch) == 1 or not self._sent_as_one(batch):
                for task in batch:
                    begun = self._start(task)
                    self._send(task)
                    self._finish(task, _milliseconds_since(begun))
        self.is_committing = True
        send_around(self.session, None, f"{self.options.timeouts('SET LOCAL')}{CHECK_DEFERRED}COMMIT")

    def _sent_as_one(self, batch: Sequence[Task]) -> bool:
        """Send migrations as one message; False if that failed, with nothing of it left.

        Sent one by one they tell then which of them fails, and where.
        """
        self.session.interruption.check()
        done, begun = len(self.results), time.monotonic()
        message = "".join(self._in_batch(task, done + number, number) for number, task in enumerate(batch, 1))
        # The first batch goes without a savepoint, behind which SET TRANSACTION is refused.
        savepoint = f"SAVEPOINT {_BATCH};" if done else ""
        try:
            send_around(self.session, None, savepoint + message + (f"RELEASE {_BATCH}" if done else ""))
        except StopRequested:
            self._tell_batch(batch, self.session.reached() - done, begun)
            raise
        except StatementFailed as failed:
            if failed.error.is_lost:
                raise
            self.session.notices.clear()
            undo = f"ROLLBACK TO {_BATCH}; RELEASE {_BATCH}" if done else "ROLLBACK; BEGIN"
            send_around(self.session, None, undo)
            # For whoever frees the lock to be found, it has to be there again.
            if LOCK_LOST in failed.error.message and ask(self.session, None, TRY_LOCK) != [(True,)]:
                raise
            return False
        self._tell_batch(batch, len(batch), begun)
        return True

    def _in_batch(self, task: Task, number: int, place: int) -> str:
        """A migration as a part of a message; `number` is its own among all, `place` that in the batch, from 1."""
        before = mark(task.id) + self.options.timeouts("SET LOCAL")
        row = self._history_sql(task, self.history.milliseconds_since_last())
        return f"{before}{task.script.sql}\n;{self._around(row)}{self.session.reach(number, is_first=place == 1)}"

    def _tell_batch(self, batch: Sequence[Task], done: int, begun: float) -> None:
        """Tell of the first `done` of a batch as if they had been sent one by one, and that the next is under way."""
        share = _milliseconds_since(begun) // len(batch)
        notices, self.session.notices[:] = list(self.session.notices), []
        for task in batch[: max(done, 0)]:
            self._tell_start(task)
            self._finish(task, share)
        self.session.notices[:] = notices  # of which of them each is, nobody knows
        self._tell_notices()
        if done < len(batch):
            self._tell_start(batch[max(done, 0)])

    def _alone(self, task: Task) -> None:
        """One migration, in a transaction of its own or without one."""
        begun = self._start(task)
        if task.transactional:
            self.retries.run(lambda: self._send(task, "BEGIN;", "COMMIT;"), task.id)
        else:
            self._way(task)(self.session, self.history, self.retries, self.options, self.tell).run(task)
        self._finish(task, _milliseconds_since(begun))

    def _way(self, task: Task) -> type[Stepwise | Alone]:
        """How it is carried out without a transaction."""
        if not task.function:
            return Stepwise
        from .python.calling import Alone  # few runs need it, and it brings the migration API along

        return Alone

    def _send(self, task: Task, begin: str = "", end: str = "") -> None:
        """Send a part, the resets and its history row: as one message, unless a COPY has rows or Python is to run."""
        before = mark(task.id) + begin + self.options.timeouts("SET LOCAL")
        if task.script.copies or task.function:
            self._send_singly(task, task.script, before, end)
        else:
            row = self._history_sql(task, SERVER_MILLISECONDS)
            send(self.session, task.script, before=before, after=self._around(row, end))

    def _send_singly(self, task: Task, script: Script, before: str, end: str) -> None:
        begun = time.monotonic()
        send_around(self.session, script, f"{before}SET LOCAL idle_in_transaction_session_timeout = 0")
        if task.function:
            from .python.calling import call_in_transaction

            call_in_transaction(self.session, self.retries, task)
        else:
            for statement in split(script.sql):
                send_statement(self.session, script, statement)
        row = self._history_sql(task, str(_milliseconds_since(begun)))
        send_around(self.session, script, self._around(row, end))

    def _around(self, row: str, end: str = "") -> str:
        """What follows a part: the resets, the look at the lock, and last the history row; `end` is its COMMIT."""
        deferred = CHECK_DEFERRED if end else ""
        return deferred + self.session.reset_sql + self.session.check_lock_sql + row + end

    def _history_sql(self, task: Task, milliseconds: str) -> str:
        if task.direction is Direction.DOWN:
            return self.history.remove(task.id)
        forget = self.history.delete(task.id) if task.row else ""
        milliseconds = "NULL" if task.fake else milliseconds
        return forget + self.history.insert(task.id, task.checksum, task.down, milliseconds=milliseconds)

    def _start(self, task: Task) -> float:
        self.session.interruption.check()
        self._tell_start(task)
        return time.monotonic()

    def _tell_start(self, task: Task) -> None:
        self.current = task
        self.tell(Started(task.id, task.direction, task.fake, task.step.out_of_order))

    def _finish(self, task: Task, took: int) -> None:
        status: Status = "faked"
        if not task.fake:
            status = "applied" if task.direction is Direction.UP else "reverted"
        milliseconds = None if task.fake else took
        self.current = None
        self.results.append(MigrationResult(task.id, status, milliseconds, task.step.out_of_order))
        self.tell(Finished(task.id, milliseconds, task.fake))
        self._tell_notices()

    def _tell_notices(self) -> None:
        for text in self.session.notices:
            self.tell(Noticed(text))
        self.session.notices.clear()

    def _interrupted(self, direction: Direction, outcome: str) -> Interrupted:
        """Stopped from outside: what state things are in, in one line."""
        self.session.rollback()
        reason = self.session.interruption.reason
        if self.options.mode == "all":
            outcome = _ALL_ROLLED_BACK
            self._relabel("rolled_back")
        doing = f"{self.current.id} was stopped. {outcome} " if self.current else ""
        done = "applied" if direction is Direction.UP else "reverted"
        before = [str(result.id) for result in self.results if result.status in (done, "faked")]
        rest = f"{done.capitalize()} before: {', '.join(before) or 'nothing'}."
        message = f"Stopped by {reason}. {doing}{rest} Run it again to go on."
        if self.current:
            self.results.append(MigrationResult(self.current.id, "failed"))
            self.tell(Failed(self.current.id))
        error = Failure(self.current.id if self.current else None, message)
        return Interrupted(message, reason, RunResult(self.session.alias, direction, tuple(self.results), error))

    def _relabel(self, status: Status) -> None:
        self.results = [result._replace(status=status) for result in self.results]

    def _failed(self, direction: Direction, failed: StatementFailed) -> MigrationFailed:
        failure = failed.failure()
        before = [result.id for result in self.results]
        if self.options.mode == "all":
            failed.outcome, failed.may_be_done = _ALL_ROLLED_BACK, self.is_committing
            before = []
            self._relabel("failed" if failed.in_doubt else "rolled_back")
        if failure.id:
            self.results.append(MigrationResult(failure.id, "failed"))
            self.tell(Failed(failure.id))
        self._tell_notices()
        result = RunResult(self.session.alias, direction, tuple(self.results), failure)
        return MigrationFailed(failed.message(direction, before, self.options), result)


def _milliseconds_since(begun: float) -> int:
    return int((time.monotonic() - begun) * 1000)
