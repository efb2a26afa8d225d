"""Migrations that share a message, each in a transaction of its own: how a long run with `--transaction each` goes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.postgresql import PASSING, elapsed_sql
from medusa_migrations.database.session import mark
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction

from .batches import can_share
from .each import Each, as_part, before_a_part, history_sql
from .failure import Ending, StatementFailed
from .report import Report
from .sending import ask, insist
from .shared import Run
from .task import Task

# Who applies this many makes a new database. In a shorter run each is told of when it begins and when it ends.
MANY = 100

# Nobody can tell which of so many waits for a lock, or has given a notice.
FILES = 20

# The last commit of a message has all before it written to the disk too. A crash meanwhile takes a migration back
# together with its row (manual, 30.4).
_COMMIT_ASYNC = "SET LOCAL synchronous_commit = off; COMMIT;"

# Where that commit has not come, another that writes something does the same, before anything is told: a message in the
# log that is for nobody. A journal that is locked is not waited for for long.
_FLUSH = (
    "SET LOCAL lock_timeout = '2s';"
    " SELECT pg_catalog.pg_logical_emit_message(true, 'medusa_migrations'::text, ''::text);"
)

# Where the run ends, for no standby either, which may not answer.
_FLUSH_HERE = f"SET LOCAL synchronous_commit = local; {_FLUSH}"


def can_share_message(group: Sequence[Task]) -> bool:
    """Whether a group that shares a transaction is one migration, and can share a message with others.

    One that is run again cannot: it has its row before, and of the others the row tells that they are done.
    """
    (task, *others) = group
    is_again = task.direction is Direction.UP and task.row is not None
    return not others and task.transactional and not is_again and can_share(task)


class Several:
    """Carries out `tasks`, which can share a message, and tells `report` of each."""

    def __init__(self, run: Run, report: Report, tasks: Sequence[Task]) -> None:
        self.run, self.report, self.tasks = run, report, tasks
        self.is_shared = True  # until they go one by one
        self.done = run.history.done(run.direction, len(tasks))
        before = before_a_part(run, "BEGIN;")
        parts, elapsed = [mark(*(task.id for task in tasks), direction=run.direction)], elapsed_sql()
        for task in tasks:
            end = "COMMIT;" if task is tasks[-1] else _COMMIT_ASYNC
            parts.append(as_part(run, task, before, history_sql(run, task, elapsed), end))
            elapsed = run.history.journal.elapsed_since_last()
        self.message = "".join(parts)

    def carry_out(self) -> None:
        """Send all; if one fails, it and those behind it go one by one, which tells where and tries again.

        Raises StatementFailed, StopRequested.
        """
        session = self.run.session
        session.interruption.check()
        self.report.tell_how_far(self.tasks[0])
        try:
            self._tell(ask(session, None, self.message + self.done), len(self.tasks))
        except StopRequested:
            for task in self._left()[:1]:
                self.report.tell_start(task)
            raise
        except StatementFailed as failed:
            left = self._left(failed)
            # What may pass comes as the one that it is of is run, and that was its first try.
            tried = StatementFailed(left[0].script, failed.error) if left and failed.error.sqlstate in PASSING else None
            for task in left:
                self.report.carry_out(task, functools.partial(Each(self.run, task).carry_out, tried))
                tried = None

    def ending(self) -> Ending:
        """What becomes of the one that has failed, or of all where nobody knows which that is."""
        if not self.is_shared:
            return Ending()
        ids = ", ".join(str(task.id) for task in self.tasks)
        lost = N_("It is not known here which of these are done: {ids}.", ids=ids)
        return Ending(lost=lost)

    def _left(self, failed: StatementFailed | None = None) -> Sequence[Task]:
        """Tell of those that are done though the message was stopped, or has `failed`, and give the others.

        Raises StatementFailed where that cannot be known.
        """
        first = self.tasks[0]
        try:
            if failed and failed.error.is_lost:
                raise failed
            self.run.session.rollback()
            rows = insist(self.run.session, first.script, (_FLUSH if failed else _FLUSH_HERE) + self.done)
        except StatementFailed as unknown:
            self.report.tell_start(first)
            # Whatever it is, it leaves open what is done, as a connection that is lost does.
            raise StatementFailed(first.script, unknown.error._replace(is_lost=True)) from unknown
        self.is_shared = False
        # One that is done may have taken others out of the history, and those before it are done all the same.
        names = {(app, name) for app, name, _ in rows}
        count = max((number for number, task in enumerate(self.tasks, 1) if task.id in names), default=0)
        self._tell(rows, count)
        return self.tasks[count:]

    def _tell(self, rows: Sequence[tuple[Any, ...]], count: int) -> None:
        """Tell of the first `count`, which are done; `rows` of the journal have their times."""
        times = {(app, name): milliseconds for app, name, milliseconds in rows}
        self.report.finish_together(self.tasks, [times.get(task.id) for task in self.tasks[:count]])
