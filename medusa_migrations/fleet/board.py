"""What the ledger has of a run that others work on too: read for all threads at once, over one connection."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from django.db import Error

from medusa_migrations.database.connect import CannotConnect, connected
from medusa_migrations.database.postgresql import literal, server_error
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_

from . import ledger
from .ledger import Begun, Run, Target
from .stages import CANARY

Found = TypeVar("Found")

# How old what is read may be.
READ_SECONDS = 0.25

# Until a database that cannot be reached is tried again.
RETRY_SECONDS = 2.0


class Board:
    """The run `begun` in the ledger of the database `alias`, while this is used as a context manager.

    Where the ledger cannot be reached it is tried again until `pause`, which sleeps some seconds, raises something; it
    is told once through `alert`. Raises DatabaseError where it cannot be used.
    """

    def __init__(self, alias: str, begun: Begun, pause: Callable[[float], None], alert: Callable[[str], None]) -> None:
        self._alias, self._tables, self._id = alias, begun.tables, begun.run.id
        self._pause, self._alert = pause, alert
        self._rows = {one.name: one for one in begun.targets}
        self._settled = {one.name for one in begun.targets if one.is_settled}
        self._session: Session | None = None
        self._open = contextlib.ExitStack()
        self._read_at = 0.0
        self._is_lost = False
        self._guard = threading.Lock()
        self.ended: Run | None = None  # the run, once somebody has ended it
        self.changed_at = time.monotonic()  # when it was last seen that some target has another state

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def target(self, name: str) -> Target:
        """What the ledger has of a target, or had a moment ago."""
        with self._guard:
            if time.monotonic() >= self._read_at + READ_SECONDS:
                found, run = self._ask(lambda session: (self._targets(session), self._run(session)))
                rows, self.ended = {one.name: one for one in found}, run if run.ended_at else None
                if rows != self._rows:
                    self.changed_at = time.monotonic()
                self._rows, self._read_at = rows, time.monotonic()
            if name not in self._rows:
                raise self._unusable(N_("run {run} has no row of {name} any more", run=self._id, name=name))
            return self._rows[name]

    @property
    def is_at_work(self) -> bool:
        """Whether a worker has begun with some target, as it was a moment ago."""
        return any(one.state == "running" for one in self._rows.values())

    def run(self) -> Run:
        """The run, as it is in the ledger."""
        with self._guard:
            return self._ask(self._run)

    def before(self, stage: int) -> list[Target]:
        """What keeps that stage from beginning: what is not settled of those before, and a canary that has failed."""
        with self._guard:
            rows = self._ask(self._targets)
        return [
            one
            for one in rows
            if one.stage < stage and (not one.is_settled or (one.stage == CANARY and one.state == "failed"))
        ]

    def queue(self, name: str) -> bool:
        """Have a target wait for a worker; who is at work there already goes on.

        False where that is not needed, as another command of the run has had it done meanwhile.
        """
        where = "true" if name in self._settled else "state NOT IN ('done', 'failed', 'skipped')"
        self._settled.discard(name)
        return self._set(name, "CASE WHEN state = 'running' THEN state ELSE 'queued' END", where)

    def withdraw(self, name: str) -> bool:
        """Have no worker begin with a target any more; whether none had."""
        return self._set(name, "'waiting'", "state IN ('queued', 'waiting')")

    def _set(self, name: str, state: str, where: str) -> bool:
        sql = (
            f"UPDATE {self._tables.targets} SET state = {state}, ended_at = NULL,"
            " migration = '', sqlstate = '', error = '', told = '', file = '', line = NULL"
            f" WHERE run = {self._id} AND name = {literal(name)} AND {where} RETURNING name"
        )
        with self._guard:
            self._read_at = 0.0
            return bool(self._ask(lambda session: session.query(sql)))

    def _run(self, session: Session) -> Run:
        found = ledger.runs_of(session, self._tables, self._id)
        if not found:
            raise self._unusable(N_("run {run} is not there any more", run=self._id))
        return found[0]

    def _targets(self, session: Session) -> Sequence[Target]:
        return ledger.targets_of(session, self._tables, self._id)

    def _ask(self, question: Callable[[Session], Found]) -> Found:
        """What the server answers; while it cannot be reached, this waits."""
        while True:
            try:
                if self._session is None:
                    self._session = self._open.enter_context(connected(self._alias))
                    self._session.connection.inc_thread_sharing()  # one thread at a time uses it
                found = question(self._session)
            except (CannotConnect, Error) as error:
                if isinstance(error, Error) and not server_error(error).is_lost:
                    raise self._unusable(server_error(error).message.partition("\n")[0].rstrip(".")) from None
                self._lose()
                self._pause(RETRY_SECONDS)
            else:
                self._is_lost = False
                return found

    def _unusable(self, reason: str) -> DatabaseError:
        return DatabaseError(
            N_(
                "The ledger of fleets in the database {alias!r} cannot be used: {reason}. What each target has is in "
                "its own history: run again.",
                alias=self._alias,
                reason=reason,
            )
        )

    def _lose(self) -> None:
        self._session = None
        self._open.close()
        if not self._is_lost:
            self._alert(
                N_(
                    "The ledger in the database {alias!r} cannot be reached. The workers go on; this waits.",
                    alias=self._alias,
                )
            )
        self._is_lost = True
