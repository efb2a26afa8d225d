"""Migrations that share a message, each in a transaction of its own: how a long run with `--transaction each` goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medusa_migrations.database.history import SERVER_MILLISECONDS
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.session import mark
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, MigrationId

from .batches import can_share
from .each import Each, as_part, history_sql
from .failure import Ending, StatementFailed
from .logged import applied
from .report import Report
from .sending import ask, insist
from .shared import Run
from .task import Task

# Who applies this many makes a new database. In a shorter run each is told of when it begins and when it ends.
MANY = 100

# Nobody can tell which of so many waits for a lock, or has given a notice.
FILES = 20

# The last commit of a message, or the one of its failure's entry in the journal, has all before it written to the disk
# too, and the run ends no sooner. A crash meanwhile takes a migration back together with its row (manual, 30.4).
_COMMIT_SOON = "SET LOCAL synchronous_commit = off; COMMIT;"


def can_share_message(group: Sequence[Task]) -> bool:
    """Whether those that share a transaction are one, in the up direction, that can share a message with others.

    How long a down part takes cannot be told there, as its row goes.
    """
    (task, *others) = group
    return not others and task.transactional and task.direction is Direction.UP and can_share(task)


class Several:
    """Carries out `tasks`, which can share a message, and tells `report` of each."""

    def __init__(self, run: Run, report: Report, tasks: Sequence[Task]) -> None:
        self.run, self.report, self.tasks = run, report, tasks
        self.is_shared = True  # until they go one by one
        self.last = run.history.last(len(tasks))
        rows = [history_sql(run, tasks[0], SERVER_MILLISECONDS), *map(self._row, tasks[1:])]
        ends = [*[_COMMIT_SOON] * (len(tasks) - 1), "COMMIT;"]
        parts = (as_part(run, *part[:2], "BEGIN;", part[2]) for part in zip(tasks, rows, ends, strict=True))
        self.message = mark(*(task.id for task in tasks)) + "".join(parts)

    def carry_out(self) -> None:
        """Send all; if one fails, it and those behind it one by one, which tells where and tries again.

        Raises StatementFailed, StopRequested.
        """
        session = self.run.session
        session.interruption.check()
        self.report.tell_how_far(self.tasks[0])
        try:
            rows = ask(session, None, self.message + self.last)
        except StopRequested:
            session.rollback()
            self._tell(insist(session, None, self.last))
            raise
        except StatementFailed as failed:
            if failed.error.is_lost:
                raise StatementFailed(self.tasks[0].script, failed.error) from failed
            session.rollback()
            rows = insist(session, None, self.last)
        self.is_shared = False
        for task in self.tasks[self._tell(rows) :]:
            self.report.carry_out(task, Each(self.run, task).carry_out)

    def ending(self) -> Ending:
        """What becomes of the one that has failed."""
        if not self.is_shared:
            return Ending()
        ids = ", ".join(str(task.id) for task in self.tasks)
        lost = N_("The connection was lost, so it is not known here which of these were applied: {ids}.", ids=ids)
        return Ending(lost=lost)

    def _tell(self, rows: Sequence[tuple[Any, ...]]) -> int:
        """Tell of those that are done by these `rows` of the history, and give how many that are."""
        times = {MigrationId(app, name): milliseconds for app, name, milliseconds in rows}
        took = [times[task.id] for task in self.tasks if task.id in times]
        self.report.finish_together(self.tasks, took)
        return len(took)

    def _row(self, task: Task) -> str:
        """As `history_sql`, for one that is not the first of its message: it has begun when the one before ended."""
        history = self.run.history
        entry = applied(task, history.last_milliseconds())
        row = history_sql(self.run, task, history.milliseconds_since_last(), logged=False)
        return row + history.journal.add(task.id, task.checksum, entry)
