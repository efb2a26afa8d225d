"""An SQL part that runs without a transaction: statement by statement, the history knowing how far it got."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medusa_migrations.database.history import History
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.postgresql import NOT_IN_TRANSACTION
from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.events import Listener
from medusa_migrations.migration import Direction
from medusa_migrations.sql.scanner import Statement, split
from medusa_migrations.sql.statements import (
    is_committed,
    is_concurrent,
    is_read_only,
    outside_transaction,
    sets_session,
    transactions,
)

from .failure import StatementFailed
from .options import Options
from .recover import is_done_already
from .retries import Retries
from .sending import ask, insist, send_around, send_statement
from .task import Script, Task
from .unfinished import Unfinished


@dataclass(slots=True)
class _Step:
    """One statement, or an author's BEGIN … COMMIT; `record` is SQL that counts it as finished.

    `tried` tells that it was begun before: in this run, or, `in_doubt`, in one that ended without saying how.
    `is_sent` tells that it is done, and only its record is missing.
    """

    script: Script
    statements: tuple[Statement, ...]
    record: str
    tried: bool = False
    in_doubt: bool = False
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class Stepwise:
    """Runs tasks that no transaction holds."""

    session: Session
    history: History
    retries: Retries
    options: Options
    listener: Listener

    def run(self, task: Task) -> None:
        """Run the task from its first statement that is not done. Raises StatementFailed, StopRequested."""
        begun = time.monotonic()
        script, row = task.script, Unfinished(self.session, self.history, task)
        steps = transactions(split(script.sql))
        done = resume_at(task)
        try:
            send_around(self.session, script, row.open() + self.options.timeouts("SET"))
            for statement in itertools.chain.from_iterable(step for step in steps[:done] if is_committed(step)):
                if sets_session(statement.words):
                    send_statement(self.session, script, statement)
            todo = list(zip(steps, _checksums(script.sql, steps), strict=True))[done:]
            for number, (statements, finished) in enumerate(todo):
                step = self._step(task, statements, self._progress(task, done + 1, finished), is_first=number == 0)
                self.retries.run(functools.partial(self._send, step), task.id)
                done += 1
            send_around(self.session, script, self.session.reset_sql)
            send_around(self.session, script, row.close(begun))
        except (StatementFailed, StopRequested) as failed:
            failed.outcome = _outcome(self.options.again(task.direction), done, len(steps))
            row.record_failure(str(failed))
            raise

    def _step(self, task: Task, statements: tuple[Statement, ...], progress: str, *, is_first: bool) -> _Step:
        """A step of `task`; the first one of this run may have been begun before."""
        state = task.row.state if task.row else "applied"
        record = self.session.as_ourselves_sql + self.session.check_lock_sql + progress
        tried, in_doubt = is_first and state != "applied", is_first and state in ("running", "reverting")
        return _Step(task.script, statements, record, tried, in_doubt)

    def _send(self, step: _Step) -> None:
        """Send a step, and its record in the same transaction wherever there is one."""
        tried, step.tried = step.tried, True
        if len(step.statements) > 1:
            self._send_own_transaction(step)
            return
        script, statement = step.script, step.statements[0]
        if not (step.is_sent or outside_transaction(statement.words)):
            try:
                send_statement(
                    self.session, script, statement, before="BEGIN READ WRITE;", after=f"{step.record}COMMIT;"
                )
                return
            except StatementFailed as failed:
                if failed.error.sqlstate not in NOT_IN_TRANSACTION:
                    raise
                self.session.rollback()
        if not step.is_sent:
            with self._without_lock_timeout(script) if is_concurrent(statement.words) else contextlib.nullcontext():
                self._send_alone(script, statement, tried=tried, in_doubt=step.in_doubt)
        self._record(step)

    def _send_alone(self, script: Script, statement: Statement, *, tried: bool, in_doubt: bool) -> None:
        if tried and is_done_already(self.session, script, statement, self.listener, in_doubt=in_doubt):
            return
        if statement.words[:2] == ("DISCARD", "ALL"):
            # All that it stands for (manual, DISCARD) but pg_advisory_unlock_all, which would free the run lock.
            send_around(self.session, script, f"{self.session.reset_sql} DISCARD PLANS")
        else:
            send_statement(self.session, script, statement)

    def _send_own_transaction(self, step: _Step) -> None:
        """The author's BEGIN … COMMIT; the record goes before the COMMIT, or after what ends it otherwise."""
        *inner, last = step.statements
        holds_record = is_committed(step.statements) and not is_read_only(step.statements[0].words)
        if not step.is_sent:
            for statement in inner:
                send_statement(self.session, step.script, statement)
            if holds_record:
                send_around(self.session, step.script, step.record)
            send_statement(self.session, step.script, last)
        if not holds_record:
            self._record(step)

    def _record(self, step: _Step) -> None:
        """Count a step that is done; it is never sent again, though this may have to be."""
        step.is_sent = True
        insist(self.session, step.script, f"BEGIN READ WRITE;{step.record}COMMIT;")

    @contextlib.contextmanager
    def _without_lock_timeout(self, script: Script) -> Iterator[None]:
        """It would count CONCURRENTLY's wait for old snapshots too, and leave an invalid index."""
        timeout = ask(self.session, script, "SELECT pg_catalog.current_setting('lock_timeout')")[0][0]
        send_around(self.session, script, "SET lock_timeout = 0")
        try:
            yield
        finally:
            self.session.settle(f"SET lock_timeout = '{timeout}'")

    def _progress(self, task: Task, number: int, finished: str) -> str:
        """SQL that counts `number` steps as finished, their text having the checksum `finished`."""
        if task.direction is Direction.DOWN:
            return self.history.update(task.id, statements_done=number, progress=f'{{"checksum": "{finished}"}}')
        return self.history.update(task.id, statements_done=number, checksum=finished)


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
            f"{task.id} is done up to statement {row.statements_done}, and {script.source} has changed before the end "
            "of that. Nothing was run. Bring that text back as it was (the statements behind it may be mended), or "
            "settle it by hand and record that with migrations_repair --mark-applied or --mark-reverted."
        )
    return row.statements_done


def _checksums(sql: str, steps: Sequence[tuple[Statement, ...]]) -> list[str]:
    """For each step the checksum of the text from the beginning up to its end."""
    digest = hashlib.sha256()
    at = len(sql) - len(sql.lstrip())
    found = []
    for statements in steps:
        last = statements[-1]
        end = last.data[1] if last.data else last.end
        digest.update(sql[at:end].encode())
        found.append(digest.hexdigest())
        at = end
    return found


def _outcome(again: str, done: int, total: int) -> str:
    if done == total:
        return f"It runs without a transaction: all of its statements are done and stay. {again} records that."
    so_far = f"of its {total} statements, {done} are done and stay" if done else "nothing of it is done"
    return f"It runs without a transaction: {so_far}. {again} goes on at statement {done + 1}, which may be changed."
