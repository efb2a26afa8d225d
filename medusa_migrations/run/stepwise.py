"""An SQL part that runs without a transaction: statement by statement, the history knowing how far it got."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.postgresql import NOT_IN_TRANSACTION
from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.sql.scanner import Statement, split
from medusa_migrations.sql.statements import (
    is_committed,
    is_concurrent,
    may_commit_in_part,
    outside_transaction,
    sets_session,
    transactions,
)

from .failure import Ending, StatementFailed
from .recover import drops_invalid, is_done_already
from .sending import ask, insist, send_around, send_statement
from .shared import Run
from .task import Script, Task
from .unfinished import Unfinished


@dataclass(slots=True)
class _Unit:
    """One statement, or an author's BEGIN … COMMIT; `record` is SQL that counts it as finished.

    `tried` tells that it was begun before: in this run, or, `in_doubt`, in one that ended without saying how.
    `is_sent` tells that it is done, and only its record is missing.
    """

    statements: tuple[Statement, ...]
    record: str
    tried: bool = False
    in_doubt: bool = False
    is_sent: bool = False


class Stepwise:
    """Carries out `task` from its first statement that is not done."""

    def __init__(self, run: Run, task: Task) -> None:
        self.run, self.task = run, task
        self.session, self.script = run.session, task.script
        self.units = transactions(split(task.script.sql))
        self.checksums = unit_checksums(task.script.sql, self.units)
        self.done = resume_at(task)
        self.alone: Statement | None = None  # the one behind those that are done, if it was sent without its record

    def carry_out(self) -> None:
        """Raises StatementFailed, StopRequested."""
        begun = time.monotonic()
        row = Unfinished(self.run, self.task)
        send_around(self.session, self.script, row.open() + self.run.options.timeouts("SET"))
        try:
            self._set_again()
            for unit in self._todo():
                self.run.retries.run(functools.partial(self._send, unit), self.task.id)
                self.done += 1
                self.alone = None
            send_around(self.session, self.script, self.run.sql.reset)
            send_around(self.session, self.script, row.close(begun))
        except (StatementFailed, StopRequested) as failed:
            row.record_failure(failed, is_untouched=not self.done and self.alone is None)
            raise

    def ending(self) -> Ending:
        """How far it has come, and what goes on with it."""
        done, total, command = self.done, len(self.units), self.run.again
        if done == total:
            return Ending(
                N_(
                    "It runs without a transaction: all of its statements are done and stay. {command} records that.",
                    command=command,
                ),
                in_transaction=False,
            )
        so_far = N_("nothing of it is done")
        if done:
            so_far = N_("of its {total} statements, {done} are done and stay", total=total, done=done)
        if self.alone and may_commit_in_part(self.alone.words):
            outcome = N_(
                "It runs without a transaction: its statement {number} may be committed in part.", number=done + 1
            )
            if done:
                outcome = N_(
                    "It runs without a transaction: {so_far}, and statement {number} may be committed in part.",
                    so_far=so_far,
                    number=done + 1,
                )
            return Ending(
                outcome,
                may_be_done=False,
                cure=_how_to_settle(self.task.id),
                in_transaction=False,
            )
        return Ending(
            N_(
                "It runs without a transaction: {so_far}. {command} goes on at statement {number}, which may be "
                "changed.",
                so_far=so_far,
                command=command,
                number=done + 1,
            ),
            in_transaction=False,
        )

    def _set_again(self) -> None:
        """Send what the statements that are done have set for the session; another one has set it."""
        done = (unit for unit in self.units[: self.done] if is_committed(unit))
        for statement in itertools.chain.from_iterable(done):
            if sets_session(statement.words):
                send_statement(self.session, self.script, statement)

    def _todo(self) -> list[_Unit]:
        """What is left; the first one of this run may have been begun before."""
        state = self.task.row.state if self.task.row else "applied"
        guard = self.run.sql.as_ourselves + self.run.check
        todo = [
            _Unit(self.units[number], guard + self._progress(number + 1, self.checksums[number]))
            for number in range(self.done, len(self.units))
        ]
        if todo:
            todo[0].tried, todo[0].in_doubt = state != "applied", state in ("running", "reverting")
        return todo

    def _progress(self, number: int, finished: str) -> str:
        """SQL that counts `number` units as finished, their text having the checksum `finished`."""
        history, id_ = self.run.history, self.task.id
        if self.task.direction is Direction.DOWN:
            return history.update(id_, statements_done=number, progress=json.dumps({"checksum": finished}))
        return history.update(id_, statements_done=number, checksum=finished, progress=None)

    def _send(self, unit: _Unit) -> None:
        """Send a unit, and its record in the same transaction wherever there is one."""
        tried, unit.tried = unit.tried, True
        if len(unit.statements) > 1:
            self._send_own_transaction(unit)
            return
        (statement,) = unit.statements
        if not (unit.is_sent or outside_transaction(statement.words)):
            try:
                self._send_statement(statement, before="BEGIN READ WRITE;", after=f"{unit.record}COMMIT;")
                return
            except StatementFailed as failed:
                if failed.error.sqlstate not in NOT_IN_TRANSACTION:
                    raise
                self.session.rollback()
        if not unit.is_sent:
            with self._without_lock_timeout() if is_concurrent(statement.words) else contextlib.nullcontext():
                self._send_alone(statement, tried=tried, in_doubt=unit.in_doubt)
        self._record(unit)

    def _send_alone(self, statement: Statement, *, tried: bool, in_doubt: bool) -> None:
        if tried and is_done_already(self.session, self.script, statement, self.run.tell, in_doubt=in_doubt):
            return
        if may_commit_in_part(statement.words):
            self._send_once(statement)
            return
        self.alone = statement
        if statement.words[:2] == ("DISCARD", "ALL"):
            # All that it stands for (manual, DISCARD) but pg_advisory_unlock_all, which would free the run lock.
            send_around(self.session, self.script, f"{self.run.sql.reset} DISCARD PLANS")
            return
        self._send_statement(statement)
        if drops_invalid(self.session, self.script, statement, self.run.tell):
            self._send_statement(statement)

    def _send_once(self, statement: Statement) -> None:
        """Send what ends transactions of its own; first the history learns that it must not be sent again unasked."""
        progress = {"sent_alone": text_checksum(self.script, statement)}
        if self.task.direction is Direction.DOWN and self.done:
            progress["checksum"] = self.checksums[self.done - 1]
        row = self.run.history.update(self.task.id, progress=json.dumps(progress))
        before = f"BEGIN READ WRITE;{self.run.sql.as_ourselves}{self.run.check}"
        send_around(self.session, self.script, f"{before}{row}COMMIT;")
        self.alone = statement
        try:
            self._send_statement(statement)
        except StatementFailed as failed:
            failed.may_repeat = False
            raise

    def _send_own_transaction(self, unit: _Unit) -> None:
        """The author's BEGIN … COMMIT; the record goes before the COMMIT, or after what ends it otherwise."""
        if unit.is_sent:
            self._record(unit)
            return
        *inner, last = unit.statements
        for statement in inner:
            self._send_statement(statement)
        if is_committed(unit.statements) and self._can_write():
            send_around(self.session, self.script, unit.record)
            self._send_statement(last)
            return
        self.alone = last
        self._send_statement(last)
        self._record(unit)

    def _can_write(self) -> bool:
        """Whether the author's transaction can: only the server knows what has made it READ ONLY."""
        read_only = ask(self.session, self.script, "SELECT pg_catalog.current_setting('transaction_read_only')")
        return read_only == [("off",)]

    def _send_statement(self, statement: Statement, *, before: str = "", after: str = "") -> None:
        send_statement(self.session, self.script, statement, before=before, after=after)

    def _record(self, unit: _Unit) -> None:
        """Count a unit that is done; it is never sent again, though this may have to be."""
        unit.is_sent = True
        insist(self.session, self.script, f"BEGIN READ WRITE;{unit.record}COMMIT;")

    @contextlib.contextmanager
    def _without_lock_timeout(self) -> Iterator[None]:
        """It would count CONCURRENTLY's wait for old snapshots too, and leave an invalid index."""
        timeout = ask(self.session, self.script, "SELECT pg_catalog.current_setting('lock_timeout')")[0][0]
        send_around(self.session, self.script, "SET lock_timeout = 0")
        try:
            yield
        finally:
            self.session.settle(f"SET lock_timeout = '{timeout}'")


def resume_at(task: Task) -> int:
    """How many units of `task` are done.

    Raises PlanError if the text of those has changed since: only what comes behind them may be mended. And if the next
    one may be committed in part, and has not been mended.
    """
    row, script = task.row, task.script
    if row is None or task.fake or row.state == "applied" or not (row.statements_done or row.sent_alone):
        return 0
    units = transactions(split(script.sql))
    finished = row.checksum if task.direction is Direction.UP else row.finished_checksum
    done = row.statements_done
    if done > len(units) or (done and unit_checksums(script.sql, units)[done - 1] != finished):
        raise PlanError(
            N_(
                "{id} is done up to statement {number}, and {path} has changed before the end of that. Nothing was "
                "run. Bring that text back as it was (the statements behind it may be mended), or settle it by hand "
                "and record that with migrations_repair --mark-applied or --mark-reverted.",
                id=task.id,
                number=row.statements_done,
                path=script.source,
            )
        )
    if row.sent_alone and done < len(units):
        _refuse_sent_alone(task, row.sent_alone, done, units[done][0])
    return done


def _refuse_sent_alone(task: Task, sent_alone: str, done: int, statement: Statement) -> None:
    script = task.script
    if text_checksum(script, statement) == sent_alone:
        place = script.place(statement.start, column=False)
        raise PlanError(
            N_(
                "{id} stopped at statement {number}, which may be committed in part. Nothing was run.\n"
                "{place}\n{excerpt}\n{cure}",
                id=task.id,
                number=done + 1,
                place=place,
                excerpt=place.excerpt(),
                cure=_how_to_settle(task.id),
            )
        )


def _how_to_settle(id_: MigrationId) -> str:
    return N_(
        "Nothing sends it again by itself. See what it has done; then change it in the file so that it does the rest, "
        "or say with migrations_repair --send-again {id} that it may be sent again, or settle it by hand and record "
        "that with --mark-applied or --mark-reverted.",
        id=id_,
    )


def text_checksum(script: Script, statement: Statement) -> str:
    """The checksum of one statement, by which the history knows one that must not be sent again unasked."""
    return hashlib.sha256(script.sql[statement.start : statement.end].encode()).hexdigest()


def unit_checksums(sql: str, units: Sequence[tuple[Statement, ...]]) -> list[str]:
    """For each of `units`, which `transactions` gives, the checksum of the text from the beginning up to its end."""
    digest = hashlib.sha256()
    at = len(sql) - len(sql.lstrip())
    found = []
    for statements in units:
        last = statements[-1]
        end = last.data[1] if last.data else last.end
        digest.update(sql[at:end].encode())
        found.append(digest.hexdigest())
        at = end
    return found
