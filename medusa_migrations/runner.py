"""Carries out tasks: each in a transaction, all in one, or without; tells of it through events."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from .errors import MigrationFailed
from .failure import StatementFailed
from .history import SERVER_MILLISECONDS, History
from .migration import Direction
from .results import Failed, Finished, Listener, MigrationResult, RunResult, Started, Status
from .retries import Retries
from .scanner import split
from .sending import send, send_around, send_statement
from .session import Session
from .stepwise import Stepwise, resume_at
from .task import Options, Script, Task


class Runner:
    """Runs tasks over one session, which holds the lock."""

    def __init__(self, session: Session, history: History, options: Options, listener: Listener) -> None:
        self.session, self.history, self.options, self.tell = session, history, options, listener
        self.retries = Retries(session, options.retries, listener)
        self.results: list[MigrationResult] = []

    def run(self, direction: Direction, tasks: Sequence[Task]) -> RunResult:
        """Carry out `tasks` in their order. Raises MigrationFailed with the result so far."""
        for task in tasks:
            resume_at(task)
        try:
            self.session.prepare()
            if self.options.mode == "all":
                self.retries.run(lambda: self._together(tasks))
            else:
                for task in tasks:
                    self._alone(task)
        except StatementFailed as failed:
            raise self._failed(direction, failed) from failed
        return RunResult(self.session.alias, direction, tuple(self.results))

    def _together(self, tasks: Sequence[Task]) -> None:
        """All in one transaction."""
        self.results.clear()
        send_around(self.session, None, "BEGIN")
        for task in tasks:
            begun = self._start(task)
            self._send(task)
            self._finish(task, begun)
        send_around(self.session, None, "COMMIT")

    def _alone(self, task: Task) -> None:
        """One migration, in a transaction of its own or without one."""
        begun = self._start(task)
        if task.transactional:
            self.retries.run(lambda: self._send(task, "BEGIN;", "COMMIT;"), task.id)
        else:
            timeouts = self.options.timeouts("SET")
            Stepwise(self.session, self.history, self.retries, timeouts).run(task, task.script)
        self._finish(task, begun)

    def _send(self, task: Task, begin: str = "", end: str = "") -> None:
        """Send a part, the resets and its history row: as one message, unless a COPY has rows to send."""
        before = begin + self.options.timeouts("SET LOCAL")
        after = self.session.reset_sql + self._history_sql(task, SERVER_MILLISECONDS) + end
        if task.script.copies:
            self._send_singly(task, task.script, before, end)
        else:
            send(self.session, task.script, before=before, after=after)

    def _send_singly(self, task: Task, script: Script, before: str, end: str) -> None:
        begun = time.monotonic()
        if before:
            send_around(self.session, script, before)
        for statement in split(script.sql):
            send_statement(self.session, script, statement)
        row = self._history_sql(task, str(_milliseconds_since(begun)))
        send_around(self.session, script, self.session.reset_sql + row + end)

    def _history_sql(self, task: Task, milliseconds: str) -> str:
        if task.direction is Direction.DOWN:
            return self.history.delete(task.id)
        forget = self.history.delete(task.id) if task.row else ""
        return forget + self.history.insert(task.id, task.checksum, task.down, milliseconds=milliseconds)

    def _start(self, task: Task) -> float:
        self.tell(Started(task.id, task.direction, task.fake, task.step.out_of_order))
        return time.monotonic()

    def _finish(self, task: Task, begun: float) -> None:
        status: Status = "faked"
        if not task.fake:
            status = "applied" if task.direction is Direction.UP else "reverted"
        milliseconds = _milliseconds_since(begun)
        self.results.append(MigrationResult(task.id, status, milliseconds, task.step.out_of_order))
        self.tell(Finished(task.id, milliseconds, task.fake))

    def _failed(self, direction: Direction, failed: StatementFailed) -> MigrationFailed:
        failure = failed.failure()
        before = [result.id for result in self.results]
        if self.options.mode == "all":
            failed.outcome = "Everything was rolled back: this run has changed nothing."
            before = []
            self.results = [replace(result, status="rolled_back") for result in self.results]
        if failure.id:
            self.results.append(MigrationResult(failure.id, "failed"))
            self.tell(Failed(failure.id))
        result = RunResult(self.session.alias, direction, tuple(self.results), failure)
        return MigrationFailed(failed.message(direction, before), result)


def _milliseconds_since(begun: float) -> int:
    return int((time.monotonic() - begun) * 1000)
