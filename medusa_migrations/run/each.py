"""A migration in a transaction of its own: `--transaction each`."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from medusa_migrations.database.journal import Entry
from medusa_migrations.database.postgresql import CHECK_DEFERRED, elapsed_sql
from medusa_migrations.database.session import mark
from medusa_migrations.migration import Direction

from .failure import Ending, StatementFailed
from .logged import applied, reverted
from .report import milliseconds_since
from .sending import send, send_around, send_statement
from .shared import Run
from .task import Script, Task, Undone


class Each:
    """Carries out `task`, all of it or nothing, and tries again what may pass."""

    def __init__(self, run: Run, task: Task) -> None:
        self.run, self.task = run, task
        self.send = sender(run, task, "BEGIN;", "COMMIT;")

    def carry_out(self, tried: StatementFailed | None = None) -> None:
        """Do it; `tried` is how a first try has failed. Raises StatementFailed, StopRequested."""
        self.run.retries.run(self.send, self.task.id, tried)

    def ending(self) -> Ending:
        """What becomes of it if it has failed."""
        return Ending()


def sender(run: Run, task: Task, begin: str = "", end: str = "") -> Callable[[], None]:
    """What sends a part, the resets and its history row: as one message, unless a COPY has rows or Python is to run.

    On Citus statements go one by one, and the client measures the time. `begin` and `end` are BEGIN and COMMIT, or
    nothing inside a transaction for all. The message is written here, and what is returned only sends it.
    """
    if not task.undone:
        return _sender_of_part(run, task, begin, end)
    send_part = _sender_of_part(run, task, "", end)

    def send_all() -> None:
        before = mark(task.id) + before_a_part(run, begin)
        for one in task.undone:
            _send_undone(run, one, before, run.sql.reset + _forgotten(run, one, task))
            before = mark(task.id) + before_a_part(run)
        send_part()

    return send_all


def _sender_of_part(run: Run, task: Task, begin: str, end: str) -> Callable[[], None]:
    before = mark(task.id) + before_a_part(run, begin)
    if task.script.copies or task.function or run.session.is_citus:
        return functools.partial(_send_singly, run, task, before, end)
    after = behind_a_part(run, history_sql(run, task, elapsed_sql()), end)
    return functools.partial(send, run.session, task.script, before=before, after=after)


def before_a_part(run: Run, begin: str = "") -> str:
    """What comes before a part: `begin` and the timeouts."""
    return begin + run.options.timeouts("SET LOCAL")


def _send_undone(run: Run, one: Undone, before: str, after: str) -> None:
    if not one.script.copies:
        send(run.session, one.script, before=before, after=after)
        return
    send_around(run.session, one.script, before)
    _send_statements(run, one.script)
    send_around(run.session, one.script, after)


def _send_statements(run: Run, script: Script) -> None:
    from medusa_migrations.sql.scanner import split  # most parts go as they are

    for statement in split(script.sql):
        send_statement(run.session, script, statement)


def _forgotten(run: Run, one: Undone, task: Task) -> str:
    """SQL that takes what is undone for `task` out of the history; its own row gives way to the new one."""
    if one.id == task.id:
        return ""
    return run.history.remove(one.row, Entry("reverted", f"for {task.id}"))


def _send_singly(run: Run, task: Task, before: str, end: str) -> None:
    begun = time.monotonic()
    send_around(run.session, task.script, f"{before}SET LOCAL idle_in_transaction_session_timeout = 0")
    if task.function:
        from .python.calling import call_in_transaction  # few runs need it, and it brings the migration API along

        call_in_transaction(run, task)
    else:
        _send_statements(run, task.script)
    row = history_sql(run, task, str(milliseconds_since(begun)))
    send_around(run.session, task.script, behind_a_part(run, row, end))


def as_part(run: Run, task: Task, before: str, row: str, end: str = "") -> str:
    """All that is sent for `task` where it goes with others; `before` is what comes first, `row` is for the history."""
    return f"{before}{task.script.sql}\n;{behind_a_part(run, row, end)}"


def behind_a_part(run: Run, row: str, end: str = "") -> str:
    """What follows a part: the resets, and last the history row, which looks at the lock; `end` is its COMMIT."""
    deferred = CHECK_DEFERRED if end else ""
    return deferred + run.sql.reset + run.held + run.guard + row + end


def history_sql(run: Run, task: Task, milliseconds: str, *, logged: bool = True) -> str:
    """SQL that records that `task` is done, or fails if the lock was lost; `milliseconds` is an SQL expression.

    Without `logged` an up part's entry in the journal is left to whoever sends it.
    """
    if task.direction is Direction.DOWN:
        assert task.row is not None  # as of all that is reverted
        return run.history.remove(task.row, reverted(task, milliseconds), zero=run.zero)
    forget = run.history.delete(task.id) if task.row else ""
    took = "NULL" if task.fake else milliseconds
    entry = applied(task, milliseconds) if logged else None
    return forget + run.history.insert(task.id, task.checksum, task.down, milliseconds=took, entry=entry, zero=run.zero)
