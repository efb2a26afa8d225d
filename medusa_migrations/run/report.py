"""What a run has done so far: told to its listener as it happens, and at the end a result or an error."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from medusa_migrations.database.destination import name_of
from medusa_migrations.database.postgresql import Notice
from medusa_migrations.errors import Interrupted, MigrationFailed
from medusa_migrations.events import Failed, Finished, Noticed, Started, Working, seconds_left
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.run_result import Failure, MigrationResult, RunResult, Status

from .announcing import Announcer
from .failure import Ending, StatementFailed
from .logged import log_failure
from .shared import Run
from .task import Task

# A run that takes less time tells of each migration, and not how far it is.
_TOLD_SECONDS = 1


class Report:
    """The results of `run`, and which migration is under way."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.results: list[MigrationResult] = []
        self.current: Task | None = None
        self.undone: dict[MigrationId, list[MigrationId]] = {}  # the repeatable ones that went for each that is done
        self.kept: int | None = None  # how many results stay if the transaction that several share is rolled back
        self.announcer = Announcer(run)
        self.begun, self.before, self.total = 0.0, 0, 0

    def expect(self, total: int) -> None:
        """So many follow, of which it is told how far that is."""
        self.begun, self.before, self.total = time.monotonic(), len(self.results), total

    def start(self, task: Task) -> float:
        """Tell that `task` is about to be carried out; returns the moment by the monotonic clock.

        Raises StopRequested.
        """
        self.run.session.interruption.check()
        self.tell_start(task)
        self.tell_how_far(task)
        return time.monotonic()

    def tell_start(self, task: Task, *, is_done: bool = False) -> None:
        """Tell that `task` is under way, or `is_done` already, which is told next."""
        self.current = task
        self.run.tell(Started(task.id, task.direction, task.fake, task.step.out_of_order, is_done))

    def carry_out(self, task: Task, work: Callable[[], None]) -> None:
        """Do `work`, which carries out `task`, and tell when it begins and that it is done. Raises StopRequested."""
        begun = self.start(task)
        work()
        self.finish(task, milliseconds_since(begun))

    def finish(self, task: Task, milliseconds: int | None, notices: Sequence[Notice] | None = None) -> None:
        """Tell that `task` is done, and took that long, None if nobody knows.

        `notices` are what the server has said besides, None to take them now.
        """
        status: Status = "faked"
        if not task.fake:
            status = "applied" if task.direction is Direction.UP else "reverted"
        took = None if task.fake else milliseconds
        self.current = None
        if task.undone:
            self.undone[task.id] = [one.id for one in task.undone]
        self.results.append(MigrationResult(task.id, status, took, task.step.out_of_order, phase=task.step.phase))
        self.run.tell(Finished(task.id, took, task.fake))
        self._tell(self.run.session.take_notices() if notices is None else notices)
        if self.kept is None:
            self.announcer.done(self.results[-1])

    def begin_together(self) -> None:
        """What is done from here on is so when all of it is committed."""
        self.kept = len(self.results)

    def committed_together(self) -> None:
        """Announce all that one transaction has done."""
        for result in self.results[self.kept :]:
            self.announcer.done(result)
        self.kept = None

    def finish_together(self, tasks: Sequence[Task], took: Sequence[int | None]) -> None:
        """Tell of the first of `tasks` as if they had been sent one by one; `took` are the milliseconds of each."""
        notices = self.run.session.take_notices()
        for task, milliseconds in zip(tasks, took, strict=False):
            self.tell_start(task, is_done=True)
            self.finish(task, milliseconds, ())
        self._tell(notices)  # of which of them each is, nobody knows

    def tell_how_far(self, task: Task) -> None:
        """Tell that `task` is the next, in a run that takes long."""
        if self.total > 1 and time.monotonic() - self.begun >= _TOLD_SECONDS:
            done = len(self.results) - self.before
            self.run.tell(Working(str(task.id), done + 1, self.total, seconds_left(self.begun, done, self.total)))

    def tell_notices(self) -> None:
        """Tell what the server has said besides since the last time."""
        self._tell(self.run.session.take_notices())

    def result(self, error: Failure | None = None) -> RunResult:
        """What was done so far, and why it ended early, if it did."""
        session = self.run.session
        return RunResult(session.alias, self.run.direction, tuple(self.results), error, target=name_of(session.where))

    def failed(self, failed: StatementFailed, ending: Ending) -> MigrationFailed:
        """The error for a run that ends because PostgreSQL, or an author's code, has failed."""
        failure = failed.failure()
        self._log(failure)
        before = [result.id for result in self.results[: self.kept if ending.of_all else None]]
        if ending.of_all:
            self._relabel("failed" if failed.in_doubt(ending) else "rolled_back")
        if failure.id:
            phase = self.current.step.phase if self.current else None
            self.results.append(MigrationResult(failure.id, "failed", phase=phase))
            self.run.tell(Failed(failure.id))
        self.tell_notices()
        direction = self.run.direction
        from .cures import cure  # most runs need none

        what = cure(failed, direction, ending, self.run.options)
        message = failed.message(direction, before, ending, joined("", [self._gone(before), what]))
        return MigrationFailed(message, self.result(failure))

    def interrupted(self, ending: Ending) -> Interrupted:
        """The error for a run that was stopped from outside: what state things are in, in one line."""
        self.run.session.rollback()
        if ending.of_all:
            self._relabel("rolled_back")
        doing: str = ""
        if self.current:
            doing = N_("{id} was stopped. {outcome} ", id=self.current.id, outcome=ending.outcome)
        done = "applied" if self.run.direction is Direction.UP else "reverted"
        before = [result.id for result in self.results if result.status in (done, "faked")]
        ids = ", ".join(map(str, before)) or "nothing"
        rest = N_("Applied before: {ids}.", ids=ids) if done == "applied" else N_("Reverted before: {ids}.", ids=ids)
        gone = self._gone(before, end=" ")
        reason = self.run.session.interruption.reason
        message = N_(
            "Stopped by {reason}. {doing}{rest} {gone}{cure}",
            reason=reason,
            doing=doing,
            rest=rest,
            gone=gone,
            cure=ending.cure or N_("Run it again to go on."),
        )
        if self.current:
            self.results.append(MigrationResult(self.current.id, "failed", phase=self.current.step.phase))
            self.run.tell(Failed(self.current.id))
        failure = Failure(self.current.id if self.current else None, message)
        self._log(failure)
        return Interrupted(message, reason, self.result(failure))

    def _gone(self, before: Sequence[MigrationId], end: str = "\n") -> str:
        """A sentence, and `end`, on the repeatable ones that went for those `before` and are not made again yet."""
        undone = dict.fromkeys(id_ for done in before for id_ in self.undone.get(done, ()))
        gone = [str(id_) for id_ in undone if id_ not in before]
        if not gone:
            return ""
        return N_("Undone for that, until a run gets to its end: {ids}.{end}", ids=", ".join(gone), end=end)

    def _log(self, failure: Failure) -> None:
        """Tell the journal, and whoever listens, of what was under way."""
        if self.current:
            log_failure(self.run, self.current, failure)
            self.announcer.failed(self.current.id, failure.message)

    def _tell(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self.run.tell(Noticed(notice.text, bool(notice.is_warning)))

    def _relabel(self, status: Status) -> None:
        """Of what shares the transaction, that it is `status`."""
        self.results[self.kept :] = [result._replace(status=status) for result in self.results[self.kept :]]


def milliseconds_since(begun: float) -> int:
    """How long ago `begun` is, a moment by the monotonic clock."""
    return int((time.monotonic() - begun) * 1000)
