"""Carries out a part with a watch behind each statement: what each does to the tables that are in use."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from medusa_migrations.database.postgresql import NOT_IN_TRANSACTION
from medusa_migrations.errors import Location
from medusa_migrations.lint.allowed import above
from medusa_migrations.lint.facts import Facts
from medusa_migrations.lint.found import Found
from medusa_migrations.lint.instead.pieces import in_part
from medusa_migrations.lint.judge import judge
from medusa_migrations.lint.severity import severity_in
from medusa_migrations.lint.watch import Watch
from medusa_migrations.migration import LINT_CODES
from medusa_migrations.results import LintFinding
from medusa_migrations.run.each import behind_a_part, history_sql
from medusa_migrations.run.failure import StatementFailed
from medusa_migrations.run.report import milliseconds_since
from medusa_migrations.run.sending import refused, send_around, send_statement
from medusa_migrations.run.shared import Run
from medusa_migrations.run.task import Task
from medusa_migrations.sql.scanner import Statement, split
from medusa_migrations.sql.statements import outside_transaction, transactions
from medusa_migrations.sql.tokens import ScanError


class Sent(NamedTuple):
    """A statement that was sent: where it stands, its words and its text, and what the comments above it allow."""

    place: Location
    words: tuple[str, ...]
    sql: str
    allow: tuple[str, ...] = ()


class Spotted(NamedTuple):
    """A finding, and the statement that it is of."""

    finding: LintFinding
    allow: tuple[str, ...]


class Watched:
    """Carries out `task` in its own transactions, and keeps what is found; `allow` is all that its comments allow."""

    def __init__(self, run: Run, task: Task, watch: Watch) -> None:
        self.run, self.task, self.watch = run, task, watch
        self.session, self.script = run.session, task.script
        self.sent: list[Sent] = []  # those that the watch has looked at, by its numbers
        self.spotted: list[Spotted] = []
        self.allow: list[tuple[str, Location]] = []
        self.is_started = False

    def carry_out(self) -> None:
        """Raises StatementFailed, StopRequested, DatabaseError."""
        begun = time.monotonic()
        try:
            if self.task.function:
                self._call()
            elif self.task.transactional:
                self._begin()
                for sent, statement in self._statements():
                    self._send(statement)
                    self._look(sent)
            else:
                self._send_by_units()
            self._look_at_the_end()
            self._record(begun)
        except StatementFailed:
            self.session.rollback()
            raise

    def _begin(self) -> None:
        command = "SET LOCAL" if self.task.transactional else "SET"
        send_around(self.session, self.script, f"BEGIN READ WRITE;{self.run.options.timeouts(command)}")
        self._start()

    def _start(self) -> None:
        """Have the watch begin, behind a BEGIN."""
        if self.is_started:
            self.watch.begin()
        else:
            self.watch.start()
            self.is_started = True

    def _statements(self) -> Iterator[tuple[Sent, Statement]]:
        sql, end = self.script.sql, 0
        for statement in split(sql):
            allow = [(text, self.script.place(at, column=False)) for text, at in above(sql, end, statement.start)]
            self.allow += allow
            text = sql[statement.start : statement.end]
            place = self.script.place(statement.start)
            yield Sent(place, statement.words, text, tuple(one for one, _ in allow)), statement
            end = statement.end

    def _send(self, statement: Statement) -> None:
        send_statement(self.session, self.script, statement)

    def _look(self, sent: Sent) -> None:
        """What a statement of an open transaction has done."""
        self.sent.append(sent)
        self._keep(sent, judge(self.watch.after(), sent.words, sent.sql))

    def _look_at_the_end(self) -> None:
        """What only the end of the part can tell."""
        if self.is_started:
            for number, facts in self.watch.end().items():
                sent = self.sent[number]
                self._keep(sent, judge(facts, sent.words, sent.sql))

    def _keep(self, sent: Sent, found: list[Found]) -> None:
        migration = self.task.step.migration
        assert migration is not None  # what has no file is not proven
        for one in found:
            finding = LintFinding(
                id=self.task.id,
                part=self.task.direction,
                code=one.code,
                severity=severity_in(migration, self.task.direction, one.code, LINT_CODES[one.code]),
                file=sent.place.path,
                line=sent.place.line,
                column=sent.place.column or 1,
                statement=sent.sql,
                message=one.message,
                lock=one.lock,
                tables=one.tables,
                instead=in_part(one.instead, self.task.direction),
            )
            self.spotted.append(Spotted(finding, sent.allow))

    def _send_by_units(self) -> None:
        """Statement by statement, each in a transaction of its own wherever there can be one."""
        sent_of = {statement.start: sent for sent, statement in self._statements()}
        for unit in transactions(split(self.script.sql)):
            first = unit[0]
            if len(unit) > 1:
                self._send_own_transaction(unit, sent_of)
            elif outside_transaction(first.words) or not self._is_sent_in_transaction(first, sent_of[first.start]):
                self._send(first)
                self._keep(sent_of[first.start], judge(Facts(), first.words, sent_of[first.start].sql))

    def _is_sent_in_transaction(self, statement: Statement, sent: Sent) -> bool:
        self._begin()
        try:
            self._send(statement)
        except StatementFailed as failed:
            if failed.error.sqlstate not in NOT_IN_TRANSACTION:
                raise
            self.session.rollback()
            return False
        self._look(sent)
        with refused(self.session, self.script, statement):
            self.session.execute(f"{self.run.options.guard}COMMIT")
        return True

    def _send_own_transaction(self, unit: tuple[Statement, ...], sent_of: dict[int, Sent]) -> None:
        """The author's BEGIN … COMMIT."""
        begin, *inner, end = unit
        self._send(begin)
        self._start()
        for statement in inner:
            self._send(statement)
            self._look(sent_of[statement.start])
        if self.run.options.guard:
            send_around(self.session, self.script, self.run.options.guard)
        self._send(end)

    def _call(self) -> None:
        """Call the function of a migration in Python, with the watch behind each query."""
        from medusa_migrations.run.python.calling import Alone, call_in_transaction

        if not self.task.transactional:
            Alone(self.run, self.task).carry_out()
            return
        self._begin()
        with self.session.connection.execute_wrapper(self._looking):
            call_in_transaction(self.run, self.task)

    def _looking(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """Wrap each query of the migration API, as Django's `execute_wrapper` does."""
        result = execute(sql, params, many, context)
        text = sql if isinstance(sql, str) else str(sql)
        try:
            words = next((statement.words for statement in split(text)), ())
        except ScanError:
            words = ()
        if words:
            self._look(Sent(self._caller(), words, text))
        return result

    def _caller(self) -> Location:
        """The line of the migration's file that is being carried out."""
        assert self.task.step.migration is not None
        file, frame = self.task.step.migration.file, sys._getframe()
        line = 1
        while frame := frame.f_back:  # type: ignore[assignment]  # None ends it
            if frame.f_code.co_filename == file:
                line = frame.f_lineno
                break
        source = self.script.sql.split("\n")[line - 1]
        return Location(self.script.source, line, 1 + len(source) - len(source.lstrip()), source)

    def _record(self, begun: float) -> None:
        if self.task.function and not self.task.transactional:
            return  # it has recorded itself
        row = history_sql(self.run, self.task, str(milliseconds_since(begun)))
        if self.task.transactional:
            send_around(self.session, self.script, behind_a_part(self.run, row, "COMMIT;"))
        else:
            send_around(self.session, self.script, self.run.sql.reset)
            send_around(self.session, self.script, f"BEGIN READ WRITE;{self.run.guard}{row}COMMIT;")
