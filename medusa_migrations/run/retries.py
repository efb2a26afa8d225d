"""Tries again what failed for a passing reason: a lock that was not to be had, a deadlock, a serialization failure."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from django.db import Error

from medusa_migrations.database.postgresql import PASSING, server_error
from medusa_migrations.database.session import Session
from medusa_migrations.events import Listener, Retrying
from medusa_migrations.migration import MigrationId

from .failure import StatementFailed

# Seconds. Each pause is twice the one before, and spread at random so that two runs do not keep step.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0


class Retries(NamedTuple):
    """Up to `limit` further tries over `session`, each told to `listener`."""

    session: Session
    limit: int
    listener: Listener

    def run(
        self, work: Callable[[], None], id_: MigrationId | None = None, tried: StatementFailed | None = None
    ) -> None:
        """Do `work`, rolled back before every further try and when it fails. Raises StatementFailed.

        `tried` is how a first try has failed that was made before.
        """
        pause = FIRST_PAUSE
        attempt = 0
        while True:
            try:
                if tried:
                    raise tried
                return work()
            except StatementFailed as failed:
                tried = None
                self.session.rollback()
                attempt += 1
                if failed.error.sqlstate not in PASSING or not failed.may_repeat or attempt > self.limit:
                    raise
                seconds = pause * random.uniform(0.5, 1.5)
                holder = self.session.watch.last if self.session.watch else ""
                self.listener(Retrying(id_, failed.error.message, holder, seconds, attempt))
                self.session.interruption.wait(seconds)
                pause = min(2 * pause, LONGEST_PAUSE)

    def run_queries(self, work: Callable[[], None], id_: MigrationId | None = None) -> None:
        """As `run`, for `work` that raises django.db.Error, which is what this raises too."""

        def attempt() -> None:
            try:
                work()
            except Error as error:
                raise StatementFailed(None, server_error(error)) from error

        try:
            return self.run(attempt, id_)
        except StatementFailed as failed:
            error = failed.__cause__ or failed
        raise error  # here, where it keeps the driver's error as its cause
