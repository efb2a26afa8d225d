"""What the journal has of the migrations of a run."""

from __future__ import annotations

from medusa_migrations.database.journal import WAS_THERE, Entry
from medusa_migrations.run_result import Failure

from .shared import Run
from .task import Task


def applied(task: Task, milliseconds: str) -> Entry:
    """The entry for an up part that is done; `milliseconds` is an SQL expression."""
    if task.fake:
        return Entry("faked", WAS_THERE if task.was_there else "")
    return Entry("rerun" if task.id.is_repeatable and task.row else "applied", milliseconds=milliseconds)


def reverted(task: Task, milliseconds: str) -> Entry:
    """The entry for a down part that is done; `milliseconds` is an SQL expression."""
    if task.fake:
        return Entry("faked", "reverted: only the history was changed")
    return Entry("reverted", milliseconds=milliseconds)


def log_failure(run: Run, task: Task, failure: Failure) -> None:
    """Add an entry for a part that has failed, once it is rolled back, where that can be done soon."""
    place = f"{failure.file}:{failure.line}: " if failure.line else ""
    entry = Entry("failed", f"{place}{failure.message}", sqlstate=failure.sqlstate or "")
    run.settle(lambda: run.history.journal.add(task.id, task.checksum, entry))
