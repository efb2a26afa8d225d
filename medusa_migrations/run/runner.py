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

from .each import Each
from .failure import Ending, StatementFailed
from .options import Options
from .report import Report, milliseconds_since
from .shared import Run
from .task import Task
from .together import Together

# How many migrations have what is sent of them in memory before it is.
_AHEAD = 50


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
            for group, way in self._with_ways(groups(tasks)):
                if len(group) == 1:
                    self._carry_out_one(group[0], way)
                else:
                    self._go(way)
        return self.report.result()

    def _expect_citus(self, tasks: Sequence[Task]) -> None:
        """One of `tasks` may make the extension, and what comes behind is held to its rules in the same run."""
        if any("citus" in task.script.sql.lower() for task in tasks):
            self.run.session.is_citus = True

    def _with_ways(self, groups: Iterator[list[Task]]) -> Iterator[tuple[list[Task], Way]]:
        """Each group with its way. Several are made together, which takes less than one by one between two answers."""
        while ready := [(group, self._way(group)) for group in itertools.islice(groups, _AHEAD)]:
            yield from ready

    def _carry_out_one(self, task: Task, way: Way) -> None:
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

    def _way(self, group: Sequence[Task]) -> Way:
        """The way of those that share a transaction, or of one that shares none with others."""
        if len(group) > 1:
            return Together(self.run, self.report, group)
        task = group[0]
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
