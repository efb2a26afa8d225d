"""What all parts of one run share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import NamedTuple

from django.db import Error

from medusa_migrations.database.history import History
from medusa_migrations.database.session import Session, SessionSql
from medusa_migrations.events import Listener
from medusa_migrations.migration import Direction

from .options import Options
from .retries import Retries

# A locked history must not keep a run that has failed from ending, nor must a standby that does not answer.
_SOON = "SET LOCAL lock_timeout = '2s'; SET LOCAL synchronous_commit = local; "


class Run(NamedTuple):
    """One run, or revert, of one database: over `session`, which `sql` keeps fit, into `history`, as `options` say."""

    direction: Direction
    session: Session
    sql: SessionSql
    history: History
    options: Options

    @property
    def tell(self) -> Listener:
        """Who is told of what happens."""
        return self.options.listener

    @property
    def retries(self) -> Retries:
        """How often what fails for a passing reason is tried again."""
        return Retries(self.session, self.options.retries, self.options.listener)

    @property
    def check(self) -> str:
        """SQL that fails if the lock was lost, where the run has taken it, or if the guard of its options does."""
        return (self.session.lock.check if self.options.lock else "") + self.guard

    @property
    def guard(self) -> str:
        """That of its options; in one transaction for all it goes to its end, as it takes longer the more was done."""
        return "" if self.options.mode == "all" else self.options.guard

    @property
    def zero(self) -> str:
        """An SQL expression that is 0, or fails if the lock was lost: a message with it needs no statement for that."""
        return self.session.lock.held if self.options.lock and not self.session.is_citus else "0"

    @property
    def held(self) -> str:
        """A statement that fails if the lock was lost, where `zero` does not: Citus may have that of a worker's."""
        return self.session.lock.check if self.options.lock and self.session.is_citus else ""

    def settle(self, record: Callable[[], str]) -> None:
        """Send the SQL of a `record` of what has failed, behind its rollback; where that cannot be soon, it is left."""
        self.session.rollback()
        with contextlib.suppress(Error):  # to quote a message takes a connection too
            self.session.settle(f"{self.sql.reset}{_SOON}{record()}")

    @property
    def again(self) -> str:
        """The command that goes on with this run if it ends early."""
        return self.options.again(self.direction)
