"""The call of a migration's function up or down, in which any exception becomes CodeFailed."""

from __future__ import annotations

import re
import time

from django.core.exceptions import FieldDoesNotExist
from django.db import Error

from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.postgresql import IN_FAILED_TRANSACTION, ServerError, server_error
from medusa_migrations.errors import Location, nearest
from medusa_migrations.files.pyfile import at_line, line_of
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction
from medusa_migrations.run.failure import Ending, StatementFailed
from medusa_migrations.run.sending import send_around
from medusa_migrations.run.shared import Run
from medusa_migrations.run.task import Script, Task
from medusa_migrations.run.unfinished import Unfinished
from medusa_migrations.schema.recorder import without_database
from medusa_migrations.schema.schema import Schema

from .backfill import Backfills
from .live_schema import LiveSchema, live_schema

# What libpq adds to the message of an error in SQL: the line, and a caret below.
_EXCERPT = re.compile(r"^(LINE \d+): (.*\n *\^)", re.MULTILINE)


class CodeFailed(StatementFailed):
    """The function of a Python file, whose text is `script`, raised `error`.

    `line` is the line of the file, None if it is not known. `is_caught` tells that the function caught the error and
    went on, in a transaction that it had aborted.
    """

    def __init__(self, script: Script, error: BaseException, line: int | None, *, is_caught: bool = False) -> None:
        is_from_server = isinstance(error, Error)
        super().__init__(script, server_error(error) if is_from_server else ServerError(_in_words(error)))
        self.line, self.is_caught = line, is_caught
        excerpt = _EXCERPT.search(str(error)) if is_from_server else None
        self.excerpt = (excerpt[1], excerpt[2]) if excerpt else ("", "")

    def location(self) -> Location | None:
        assert self.script is not None
        place = at_line(self.script.sql, self.script.source, self.line)
        return place if isinstance(place, Location) else None

    def without_transaction(self, direction: Direction) -> str:
        return N_("set `transaction = False` at the top of the file")

    def fields(self) -> list[tuple[str, str | None]]:
        caught = N_("It was caught, but has aborted the transaction: make such a call `with schema.transaction():`")
        return [self.excerpt, *super().fields(), ("HINT", caught if self.is_caught else None)]


def _in_words(error: BaseException) -> str:
    if isinstance(error, AttributeError) and isinstance(error.obj, Schema) and error.name:
        return N_(
            "The migration API has no call {name!r}.{hint}", name=error.name, hint=nearest(error.name, dir(error.obj))
        )
    if isinstance(error, FieldDoesNotExist):  # of a model that the author does not know of
        return str(error).replace("Table has no field named", "The table has no column")
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def call(task: Task, schema: LiveSchema) -> None:
    """Call the function of `task`, which is of a Python file, with `schema`. Raises CodeFailed, StopRequested."""
    assert task.function is not None
    assert task.step.migration is not None
    caught: Error | None = None
    try:
        with schema.session.interruption.in_code(True), without_database(schema.session.alias):
            task.function(schema)
        caught = schema.failed
        if caught:
            raise caught
    except (Exception, SystemExit) as error:  # the author's code
        if schema.failed and isinstance(error, Error) and server_error(error).sqlstate == IN_FAILED_TRANSACTION:
            caught = schema.failed  # what comes after it only tells that the transaction is aborted
        line = line_of(caught or error, task.step.migration.file) or schema.line
        raise CodeFailed(task.script, caught or error, line, is_caught=caught is not None) from error


def call_in_transaction(run: Run, task: Task) -> None:
    """Call the function of `task` in a transaction that is open. Raises CodeFailed, StopRequested."""
    with live_schema(run.session, run.retries, None) as schema:
        call(task, schema)


class Alone:
    """A migration in Python that runs without a transaction."""

    def __init__(self, run: Run, task: Task) -> None:
        self.run, self.task = run, task
        self.backfills = Backfills(run, task)

    def carry_out(self) -> None:
        """Call the function, from its top even if an earlier run got part of the way.

        Raises StatementFailed, StopRequested.
        """
        begun = time.monotonic()
        session, script, row = self.run.session, self.task.script, Unfinished(self.run, self.task)
        send_around(session, script, row.open() + self.run.options.timeouts("SET"))
        try:
            self.backfills.read()  # while nobody has set another role
            with live_schema(session, self.run.retries, self.backfills) as schema:
                call(self.task, schema)
            send_around(session, script, self.run.sql.reset)
            send_around(session, script, self.run.check + row.close(begun))
        except (StatementFailed, StopRequested) as failed:
            row.record_failure(failed)
            raise

    def ending(self) -> Ending:
        """What stays of it, and what goes on with it."""
        return Ending(
            N_(
                "It runs without a transaction: what it has done stays. {command} calls {direction} again from its "
                "top{backfills}.",
                command=self.run.again,
                direction=self.task.direction,
                backfills=self.backfills.reached(),
            ),
            in_transaction=False,
        )
