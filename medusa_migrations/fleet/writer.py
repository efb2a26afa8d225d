"""Writes the ledger while a run of a fleet is under way, from one thread, so that no target waits for it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, NamedTuple, Self

from django.db import Error

from medusa_migrations.database.connect import CannotConnect, connected
from medusa_migrations.database.postgresql import literal, server_error
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_
from medusa_migrations.results import Failure

from .ledger import Begun, Tables, Target, ended

State = Literal["running", "done", "failed", "skipped"]

# How long until a database that could not be reached is tried again, and what is waited for at the end.
RETRY_SECONDS = 2.0
END_SECONDS = 15.0

# How many changes go to the server in one message, where so many wait.
MOST_AT_ONCE = 100

# The last moments of a report may be lost with a server that crashes; a run need not wait for its disk.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off;"


def worker() -> str:
    """The host and the number of this process."""
    return f"{socket.gethostname()}:{os.getpid()}"[:255]


class Change(NamedTuple):
    """What becomes of a target: `applied` are the ids of what was applied there since it was begun, or reverted."""

    state: State
    applied: Sequence[str] = ()
    failure: Failure | None = None
    told: str = ""


class LedgerWriter:
    """Takes changes from any thread while it is used as a context manager, and writes them in their order.

    What cannot be written because the database CONTROL cannot be reached is kept, and tried again; `behind` says at the
    end what was not. Any other error of the ledger is raised, as DatabaseError, by the next call.
    """

    def __init__(self, alias: str, begun: Begun) -> None:
        self._alias, self._begun = alias, begun
        self._worker = worker()
        self._given: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._kept: deque[str] = deque()
        self._session: Session | None = None
        self._open = contextlib.ExitStack()
        self._next_try = 0.0
        self._reason = ""
        self._failure: DatabaseError | None = None
        # A daemon: at the end it may still wait for a server that does not answer.
        self._thread = threading.Thread(target=self._work, name="medusa_migrations ledger", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._given.put(None)
        self._thread.join(END_SECONDS)
        if self._failure and error is None:
            raise self._failure

    def go_on(self, begun: Begun) -> None:
        """Write of that run from now on: another where somebody has ended the one before."""
        self._begun = begun

    def change(self, target: Target, change: Change) -> None:
        """Have it written what becomes of a target of the run.

        `running` is only for whoever holds the target's lock: a job that is delivered twice must not overwrite who is
        at work. Raises DatabaseError for an earlier error of the ledger.
        """
        self._give(upsert(self._begun.tables, self._begun.run.id, target, change, self._worker))

    def end(self, outcome: str, *, only_last: bool = False) -> None:
        """Have the run ended, as `ended` of the ledger. Raises DatabaseError for an earlier error of the ledger."""
        self._give(ended(self._begun.tables, self._begun.run.id, outcome, only_last=only_last))

    @property
    def behind(self) -> str:
        """After the end, what is to be told where the ledger is behind; else an empty string."""
        if not self._kept and not self._thread.is_alive():
            return ""
        reason = f" ({self._reason})" if self._reason else ""
        return N_(
            "The ledger in the database {alias!r} is behind, because that could not be reached{reason}. What each "
            "target has is in its own history, and is right. The next run looks at all of them.",
            alias=self._alias,
            reason=reason,
        )

    def _give(self, sql: str) -> None:
        if self._failure:
            raise self._failure
        self._given.put(sql)

    def _work(self) -> None:
        with self._open:
            is_over = False
            while not is_over:
                is_over = self._collect()
                if is_over or time.monotonic() >= self._next_try:
                    self._send()
            self._send()  # the connection may have been lost long ago, and a new one be possible

    def _collect(self) -> bool:
        """Wait for what is given, or for the next try, and keep all there is; True at the end."""
        try:
            sql = self._given.get(timeout=RETRY_SECONDS if self._kept else None)
            while sql is not None:
                self._kept.append(sql)
                sql = self._given.get_nowait()
        except queue.Empty:
            return False
        return True

    def _send(self) -> None:
        """Write what is kept, each in its own transaction, so that two processes cannot wait for each other."""
        if self._failure:
            self._kept.clear()
        try:
            while self._kept:
                together = list(itertools.islice(self._kept, MOST_AT_ONCE))
                self._connected().execute(" ".join(f"{_BEGIN} {sql} COMMIT;" for sql in together))
                for _ in together:
                    self._kept.popleft()
        except (CannotConnect, Error) as error:
            self._put_off(error)
        except DatabaseError as error:
            self._give_up(error)

    def _put_off(self, error: CannotConnect | Error) -> None:
        """Try again later if it is the connection that failed."""
        self._session = None
        self._open.close()
        reason = error.reason if isinstance(error, CannotConnect) else server_error(error).message
        reason = reason.partition("\n")[0].rstrip(".")
        if isinstance(error, CannotConnect) or server_error(error).is_lost:
            self._reason, self._next_try = reason, time.monotonic() + RETRY_SECONDS
        else:
            self._give_up(
                DatabaseError(
                    N_(
                        "Cannot write the ledger of fleets in the database {alias!r}: {reason}. What each target has "
                        "is in its own history.",
                        alias=self._alias,
                        reason=reason,
                    )
                )
            )

    def _give_up(self, error: DatabaseError) -> None:
        self._failure = error
        self._kept.clear()

    def _connected(self) -> Session:
        if self._session is None:
            self._session = self._open.enter_context(connected(self._alias))
        return self._session


def upsert(tables: Tables, run: int, target: Target, change: Change, worker: str) -> str:
    """SQL that writes what becomes of a target; sent twice, as where the answer was lost, it writes the same."""
    begins = change.state == "running"
    now = f"{literal(datetime.now(UTC).isoformat())}::timestamptz"
    failure = change.failure or Failure(None, "")
    values = {
        "run": str(run),
        "name": literal(target.name),
        "stage": str(target.stage),
        "position": str(target.position),
        "pending": str(target.pending),
        "state": literal(change.state),
        "attempt": "1" if begins else "0",
        "worker": literal(worker),
        "begun_at": now if begins else "NULL",
        "ended_at": now if change.state in ("done", "failed", "skipped") else "NULL",
        "applied": f"{literal(json.dumps(list(change.applied)))}::jsonb",
        "migration": _text(str(failure.id or "")),
        "sqlstate": _text(failure.sqlstate or ""),
        "error": _text(failure.message),
        "told": _text(change.told),
        "file": _text(failure.file or ""),
        "line": "NULL" if failure.line is None else str(failure.line),
    }
    assigned = {
        column: f"new.{column}"
        for column in ("state", "worker", "ended_at", "migration", "sqlstate", "error", "told", "file", "line")
    } | {
        "attempt": (
            "t.attempt + CASE WHEN t.begun_at = new.begun_at AND t.worker = new.worker THEN 0 ELSE new.attempt END"
        ),
        "begun_at": "COALESCE(new.begun_at, t.begun_at)",
        "applied": "CASE WHEN t.applied @> new.applied THEN t.applied ELSE t.applied || new.applied END",
    }
    return (
        f"INSERT INTO {tables.targets} AS t ({', '.join(values)}) VALUES ({', '.join(values.values())})"
        f" ON CONFLICT (run, name) DO UPDATE SET {_assignments(assigned)};"
    )


def _assignments(assigned: dict[str, str]) -> str:
    return ", ".join(f"{column} = {value.replace('new.', 'EXCLUDED.')}" for column, value in assigned.items())


def _text(text: str) -> str:
    """As a literal; half a character, which Python's strings may have, cannot be sent."""
    return literal(text.encode(errors="replace").decode())
