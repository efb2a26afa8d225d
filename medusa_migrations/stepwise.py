"""A part that runs without a transaction: statement by statement, the history knowing how far it got."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import Error

from .errors import PlanError
from .failure import StatementFailed
from .history import History
from .migration import Direction
from .postgresql import NOT_IN_TRANSACTION
from .retries import Retries
from .scanner import Statement, split
from .sending import send_around, send_statement
from .session import Session
from .statements import is_concurrent, outside_transaction, transactions
from .task import Script, Task

Steps = Sequence[tuple[Statement, ...]]


@dataclass(frozen=True, slots=True)
class Stepwise:
    """Runs tasks that no transaction holds; `timeouts` is SQL that sets them for the session."""

    session: Session
    history: History
    retries: Retries
    timeouts: str

    def run(self, task: Task, script: Script) -> None:
        """Run `script` from its first statement that is not done. Raises StatementFailed."""
        begun = time.monotonic()
        steps = transactions(split(script.sql))
        done = resume_at(task)
        send_around(self.session, script, self._open(task) + self.timeouts)
        for number, (statements, finished) in enumerate(zip(steps, _checksums(script.sql, steps), strict=True), 1):
            if number <= done:
                continue
            record = self._progress(task, number, finished)
            try:
                self.retries.run(lambda s=statements, r=record: self._send(script, s, r), task.id)  # type: ignore[misc]  # mypy cannot infer a lambda with defaults
            except StatementFailed as failed:
                failed.outcome = _outcome(task.direction, number, len(steps))
                self._record_failure(task, failed)
                raise
        send_around(self.session, script, self.session.reset_sql + self._close(task, begun))

    def _send(self, script: Script, statements: tuple[Statement, ...], record: str) -> None:
        """One step, and `record` in the same transaction wherever there is one."""
        if len(statements) > 1:
            self._send_own_transaction(script, statements, record)
            return
        statement = statements[0]
        if not outside_transaction(statement.words):
            try:
                send_statement(self.session, script, statement, before="BEGIN;", after=f"{record}COMMIT;")
                return
            except StatementFailed as failed:
                if failed.error.sqlstate not in NOT_IN_TRANSACTION:
                    raise
                self.session.rollback()
        if is_concurrent(statement.words):
            self._send_concurrent(script, statement)
        else:
            send_statement(self.session, script, statement)
        send_around(self.session, script, record)

    def _send_own_transaction(self, script: Script, statements: tuple[Statement, ...], record: str) -> None:
        """The author's BEGIN … COMMIT; the record goes before the COMMIT, or after whatever else ends it."""
        commits = statements[-1].words[0] in {"COMMIT", "END"}
        for statement in statements[:-1]:
            send_statement(self.session, script, statement)
        if commits:
            send_around(self.session, script, record)
        send_statement(self.session, script, statements[-1])
        if not commits:
            send_around(self.session, script, record)

    def _send_concurrent(self, script: Script, statement: Statement) -> None:
        """Without a lock_timeout: it would count the wait for old snapshots too, and leave an invalid index."""
        before = self.session.query("SELECT pg_catalog.current_setting('lock_timeout')")[0][0]
        send_around(self.session, script, "SET lock_timeout = 0")
        send_statement(self.session, script, statement)
        send_around(self.session, script, f"SET lock_timeout = '{before}'")

    def _open(self, task: Task) -> str:
        if task.direction is Direction.DOWN:
            return self.history.update(task.id, state="reverting", error="") + (
                "" if task.row and task.row.state != "applied" else self.history.update(task.id, statements_done=0)
            )
        if task.row is None:
            return self.history.insert(task.id, _NOTHING, task.down, state="running")
        return self.history.update(task.id, state="running", down=task.down, error="")

    def _progress(self, task: Task, number: int, finished: str) -> str:
        if task.direction is Direction.DOWN:
            return self.history.update(task.id, statements_done=number, progress=f'{{"checksum": "{finished}"}}')
        return self.history.update(task.id, statements_done=number, checksum=finished)

    def _close(self, task: Task, begun: float) -> str:
        if task.direction is Direction.DOWN:
            return self.history.delete(task.id)
        milliseconds = int((time.monotonic() - begun) * 1000)
        return self.history.update(task.id, state="applied", checksum=task.checksum, duration_ms=milliseconds)

    def _record_failure(self, task: Task, failed: StatementFailed) -> None:
        """Say in the history that it failed; where that cannot be, the row stays as unfinished as it is."""
        state = "failed" if task.direction is Direction.UP else "revert_failed"
        try:
            self.session.execute(self.session.reset_sql + self.history.update(task.id, state=state, error=str(failed)))
        except Error:
            self.session.rollback()


# The checksum of an up part of which nothing is done.
_NOTHING = hashlib.sha256(b"").hexdigest()


def resume_at(task: Task) -> int:
    """How many steps of `task` are done.

    Raises PlanError if the text of those has changed since: only what comes behind them may be mended.
    """
    row, script = task.row, task.script
    if row is None or task.fake or row.state == "applied" or not row.statements_done:
        return 0
    steps = transactions(split(script.sql))
    finished = row.checksum if task.direction is Direction.UP else row.finished_checksum
    if row.statements_done > len(steps) or _checksums(script.sql, steps)[row.statements_done - 1] != finished:
        raise PlanError(
            f"{task.id} is done up to statement {row.statements_done}, and {script.source} has changed before the "
            f"end of "
            "that. Nothing was run. Bring that text back as it was (the statements behind it may be mended), or "
            "settle it "
            "by hand and record that with migrations_repair --mark-applied or --mark-reverted."
        )
    return row.statements_done


def _checksums(sql: str, steps: Steps) -> list[str]:
    """For each step the checksum of the text from the beginning up to its end."""
    digest = hashlib.sha256()
    at = len(sql) - len(sql.lstrip())
    found = []
    for statements in steps:
        end = statements[-1].data[1] if statements[-1].data else statements[-1].end
        digest.update(sql[at:end].encode())
        found.append(digest.hexdigest())
        at = end
    return found


def _outcome(direction: Direction, number: int, total: int) -> str:
    again = "migrations_run" if direction is Direction.UP else "migrations_revert"
    if number == 1:
        done = f"It runs without a transaction; none of its {total} statements is done."
    else:
        done = f"It runs without a transaction; {number - 1} of its {total} statements are done and stay."
    return f"{done} {again} goes on at statement {number}, which may be mended."
