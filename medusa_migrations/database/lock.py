"""The run lock, which keeps two runs apart; what it is made of is in keys.py."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from medusa_migrations.errors import LockError
from medusa_migrations.events import Listener, Waiting
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Migration
from medusa_migrations.plan.known import Known

from . import postgresql
from .history import History, read_known
from .session import Mark, Session, hold_sql, read_mark

# A waiter asks again and again instead of blocking in pg_advisory_lock: the snapshot of a blocked statement would hold
# up a CREATE INDEX CONCURRENTLY of the lock's holder for ever (a deadlock that PostgreSQL ends by an error).
POLL_SECONDS = 0.2


class LockHolder(NamedTuple):
    """Who holds the run lock, in words, over the server's process `pid`; `mark` is that of what it has sent, if any."""

    text: str
    pid: int
    mark: Mark | None


@contextlib.contextmanager
def run_lock(session: Session, wait: float, listener: Listener) -> Iterator[None]:
    """Hold the run lock of the session's database, or of its schema, while this lasts.

    While somebody else has it, `listener` is told who and for how long this waits.
    Raises LockError after `wait` seconds, and where a pooler would give the lock to another client.
    """
    _refuse_pooler(session)
    _wait_for_lock(session, wait, listener)
    try:
        yield
    finally:
        session.rollback()
        session.settle(session.lock.free)


def is_pooled(session: Session) -> bool:
    """Whether what the session sends goes to server processes that a pooler chooses, so that a lock is nobody's."""
    asked: int = session.query("SELECT pg_catalog.pg_backend_pid()")[0][0]
    return asked != postgresql.backend_pid(session.connection)


def _refuse_pooler(session: Session) -> None:
    if is_pooled(session):
        raise LockError(
            N_(
                "The {where} is behind a pooler that gives every transaction another server process, so a lock would "
                "be left with somebody else. Nothing was run. Connect to the server itself for migrations. Where it is "
                "certain that only one run is under way, --no-lock does without.",
                where=session.named,
            )
        )


def _wait_for_lock(session: Session, wait: float, listener: Listener) -> None:
    deadline = time.monotonic() + wait
    told = ""
    with contextlib.ExitStack() as stack:
        is_queued = not session.lock.queue  # a run of a schema keeps nobody from beginning
        # The lock may be held for long before the first migration.
        while not session.query(f"{hold_sql()} {session.lock.take}")[0][0]:
            found = _holder(session, session.lock.in_the_way)
            holder = found.text if found else told or N_("another process")
            left = deadline - time.monotonic()
            if left <= 0:
                waited = N_("Waited {seconds:g} s; --lock-wait sets how long. ", seconds=wait) if wait else ""
                raise LockError(
                    N_(
                        "Migrations of the {where} are being run by {holder}. Nothing was done. {waited}Run again when "
                        "it is done.",
                        where=session.named,
                        holder=holder,
                        waited=waited,
                    )
                )
            if holder != told:
                told = holder
                listener(Waiting(holder, left))
            if not is_queued and session.query(session.lock.queue)[0][0]:
                is_queued = True
                stack.callback(session.settle, session.lock.leave)
            session.interruption.wait(min(POLL_SECONDS, left))


def lock_holder(session: Session) -> LockHolder | None:
    """Who holds the run lock of the session's database or schema, or None."""
    return _holder(session, session.lock.at_work)


def _holder(session: Session, query: str) -> LockHolder | None:
    for pid, application, user, address, since, text, schema, waits in session.query(query):
        words: list[str] = [N_("pid {pid}", pid=pid)]
        words += [application] if application else []
        words += [N_("user {user}", user=postgresql.text_of(user))] if user else []
        words += [N_("from {address}", address=address)] if address else []
        words += [N_("connected since {since:%Y-%m-%d %H:%M:%S %Z}", since=since)] if since else []
        words += [N_("in the schema {schema!r}", schema=schema)] if schema is not None else []
        words += [N_("whose turn is before that of any schema: it waits for the whole database")] if waits else []
        return LockHolder(joined(", ", words), pid, read_mark(text or ""))
    return None


def known_and_holder(
    history: History, migrations: Sequence[Migration], *, details: bool = False
) -> tuple[Known, LockHolder | None]:
    """As `read_known`, and who holds the run lock; what nobody works on any more is read when that is known."""
    known = read_known(history, migrations, details=details)
    holder = lock_holder(history.session)
    if holder is None and any(row.state != "applied" for row in known.rows.values()):
        known = read_known(history, migrations, details=details)  # it may have ended between the two
    return known, holder
