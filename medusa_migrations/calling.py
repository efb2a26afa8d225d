"""Calls the function of a migration in Python; what is raised in it becomes CodeFailed."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from django.db import Error

from .backfill import Backfills
from .errors import Location
from .events import Listener
from .failure import StatementFailed
from .history import History
from .interruption import StopRequested
from .live_schema import LiveSchema, live_schema
from .options import Options
from .postgresql import ServerError, server_error
from .pyfile import at_line, line_of
from .retries import Retries
from .sending import send_around
from .session import Session
from .task import Script, Task
from .unfinished import Unfinished

# What libpq adds to the message of an error in SQL: the line, and a caret below.
_EXCERPT = re.compile(r"^(LINE \d+): (.*\n *\^)", re.MULTILINE)


class CodeFailed(StatementFailed):
    """The function of `script`, all of a Python file, raised `error` at `line` of it, None if that is not known."""

    def __init__(self, script: Script, error: BaseException, line: int | None) -> None:
        self.is_from_server = isinstance(error, Error)
        self.line = line
        found = server_error(error) if self.is_from_server else ServerError(f"{type(error).__name__}: {error}")
        super().__init__(script, found)
        excerpt = _EXCERPT.search(str(error)) if self.is_from_server else None
        self.excerpt = (excerpt[1], excerpt[2]) if excerpt else ("", "")

    def location(self) -> Location | None:
        assert self.script is not None
        place = at_line(self.script.sql, self.script.source, self.line)
        return place if isinstance(place, Location) else None

    def is_connection_lost(self) -> bool:
        return self.is_from_server and super().is_connection_lost()

    def fields(self) -> list[tuple[str, str | None]]:
        return [self.excerpt, *super().fields()]


def call(task: Task, schema: LiveSchema) -> None:
    """Raises CodeFailed, StopRequested."""
    assert task.function is not None
    assert task.step.migration is not None
    try:
        with schema.session.interruption.in_code(True):
            task.function(schema)
    except (Exception, SystemExit) as error:  # the author's code
        line = line_of(error, task.step.migration.file) or schema.line
        raise CodeFailed(task.script, error, line) from error


def call_in_transaction(session: Session, retries: Retries, task: Task) -> None:
    """Call the function of `task` in a transaction that is open. Raises CodeFailed, StopRequested."""
    with live_schema(session, retries, None) as schema:
        call(task, schema)


@dataclass(frozen=True, slots=True)
class Alone:
    """Calls functions that no transaction holds."""

    session: Session
    history: History
    retries: Retries
    options: Options
    listener: Listener

    def run(self, task: Task) -> None:
        """Call the function of `task`, from its top also where it was begun before.

        Raises StatementFailed, StopRequested.
        """
        begun = time.monotonic()
        script, row = task.script, Unfinished(self.session, self.history, task)
        backfills = Backfills(self.session, self.history, task, self.retries, self.listener)
        try:
            send_around(self.session, script, row.open() + self.options.timeouts("SET"))
            with live_schema(self.session, self.retries, backfills) as schema:
                call(task, schema)
            send_around(self.session, script, self.session.reset_sql)
            send_around(self.session, script, self.session.check_lock_sql + row.close(begun))
        except (StatementFailed, StopRequested) as failed:
            failed.outcome = (
                "It runs without a transaction: what it has done stays. "
                f"{self.options.again(task.direction)} calls {task.direction} again from its top{backfills.reached()}."
            )
            row.record_failure(str(failed))
            raise
