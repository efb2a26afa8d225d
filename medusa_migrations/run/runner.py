"""Carries out tasks, each in the way that the options and its marker ask for."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Protocol

from medusa_migrations.database.history import History
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.session import Session
from medusa_migrations.errors import MigrationError
from medusa_migrations.migration import Direction
from medusa_migrations.run_result import RunResult

from .batches import batches
from .each import Each
from .failure import Ending, StatementFailed
from .options import Options
from .report import Report, milliseconds_since
from .several import FILES, MANY, Several, can_share_message
from .shared import Run
from .task import Task
from .together import Together


class Way(Protocol):
    """One way to carry out what it was made with."""

    def carry_out(self) -> None:
        """Do it. Raises StatementFailed, StopRequested."""

    def ending(self) -> Ending:
        """What becomes of it if `carry_out` has failed."""


class Runner:
    """Carries out the tasks of one run. Use `ready_runner`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.report = Report(run)

    def carry_out(self, tasks: Sequence[Task]) -> RunResult:
        """Carry out `tasks` in their order; the result is of all that this runner has carried out.

        Raises MigrationFailed, Interrupted.
        """
        self._expect_citus(tasks)
        check_begun(tasks)
        self.report.expect(len(tasks))
        if tasks:
            self.report.announcer.start()
        if self.run.options.mode == "all":
            self._go(Together(self.run, self.report, tasks))
        else:
            self._carry_out_in_order(tasks)
        return self.report.result()

    def _expect_citus(self, tasks: Sequence[Task]) -> None:
        """One of `tasks` may make the extension, and what comes behind is held to its rules in the same run."""
        if any("citus" in task.script.sql.lower() for task in tasks):
            self.run.session.is_citus = True

    def _carry_out_in_order(self, tasks: Sequence[Task]) -> None:
        """Those together that share a transaction, and of a long run those that can share a message."""
        is_long = len(tasks) >= MANY and not self.run.session.is_citus and self.run.history.journal.is_readable
        for shared, found in itertools.groupby(groups(tasks), lambda group: is_long and can_share_message(group)):
            if shared:
                for batch in batches([task for (task,) in found], FILES):
                    self._carry_out_group(batch, Several)
            else:
                for group in found:
                    self._carry_out_group(group, Together)

    def _carry_out_group(self, group: Sequence[Task], of_many: type[Several | Together]) -> None:
        if len(group) > 1:
            self._go(of_many(self.run, self.report, group))
            return
        (task,) = group
        way = self._way(task)
        try:
            begun = self.report.start(task)
        except StopRequested as stop:
            raise self.report.interrupted(Ending()) from stop
        self._go(way)
        self.report.finish(task, milliseconds_since(begun))

    def _go(self, way: Way) -> None:
        try:
            way.carry_out()
        except StatementFailed as failed:
            raise self.report.failed(failed, way.ending()) from failed
        except StopRequested as stop:
            raise self.report.interrupted(way.ending()) from stop

    def _way(self, task: Task) -> Way:
        """That of one that shares no transaction with others."""
        if task.transactional:
            return Each(self.run, task)
        if not task.function:
            from .stepwise import Stepwise  # most runs have a transaction for each

            return Stepwise(self.run, task)
        from .python.calling import Alone  # few runs need it, and it brings the migration API along

        return Alone(self.run, task)


def check_begun(tasks: Sequence[Task]) -> None:
    """Raise PlanError for one of `tasks` that cannot go on behind what is done of it."""
    begun = [task for task in tasks if task.step.goes_on]
    if begun:
        from .stepwise import resume_at  # few runs go on with one

        for task in begun:
            resume_at(task)


def groups(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """`tasks` in their order, those together that share a transaction whatever the options say."""
    group: list[Task] = []
    for task in tasks:
        if group and not task.step.joins:
            yield group
            group = []
        group.append(task)
    if group:
        yield group


@contextlib.contextmanager
def ready_runner(direction: Direction, session: Session, history: History, options: Options) -> Iterator[Runner]:
    """A runner over `session`, which is fit for migrations while this lasts, and told who blocks it.

    Raises django.db.Error, StopRequested.
    """
    runner = Runner(Run(direction, session, session.prepare(), history, options))
    error: str | None = None
    try:
        with session.watched(options.listener):
            yield runner
    except MigrationError as failed:
        error = str(failed)
        raise
    finally:
        runner.report.announcer.finish(error)
