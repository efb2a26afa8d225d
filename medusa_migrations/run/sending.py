"""Sends the SQL of a script, whole or statement by statement; what the server refuses becomes StatementFailed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db import Error

from medusa_migrations.database.postgresql import position_in, server_error
from medusa_migrations.database.session import Session

from .failure import StatementFailed
from .task import Script

if TYPE_CHECKING:
    from medusa_migrations.sql.scanner import Statement


@contextlib.contextmanager
def refused(
    session: Session, script: Script | None = None, statement: Statement | None = None, *, sent: str = "", at: int = 0
) -> Iterator[None]:
    """Raise StatementFailed for what the server refuses while this lasts.

    `script` is the one that it is for, None if it is for all, and `statement` the one of its statements that is sent
    alone. Where text of the script is sent, `sent` is what is sent up to its end, and `at` where in that it begins.
    """
    try:
        yield
    except Error as error:
        found = server_error(error)
        offset = None
        begun = session.sent_at
        if sent and (position := position_in(session.connection, sent[begun:], found.position)) is not None:
            text, position = sent[at:], begun + position
            if 0 <= position - at <= len(text) + 1:  # at its end, the server points behind it
                offset = min(position - at, len(text.rstrip())) + (statement.start if statement else 0)
        raise StatementFailed(script, found, offset, statement) from error


def send(session: Session, script: Script, *, before: str = "", after: str = "") -> None:
    """Send all of `script` with `before` and `after` around it, as one message."""
    with refused(session, script, sent=before + script.sql, at=len(before)):
        session.execute(f"{before}{script.sql}\n;{after}")


def send_around(session: Session, script: Script | None, sql: str) -> None:
    """Send `sql` that is not the author's: BEGIN and COMMIT, resets, the history.

    `script` is the one that it is for, None if it is for all.
    """
    with refused(session, script):
        session.execute(sql)


def insist(session: Session, script: Script | None, sql: str) -> list[tuple[Any, ...]]:
    """Send the record of work that is done, or ask for it; a stop that was requested waits for that."""
    with refused(session, script):
        return session.insist(sql)


def ask(session: Session, script: Script | None, sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a query that is not the author's."""
    with refused(session, script):
        return session.query(sql, params)


def send_statement(
    session: Session, script: Script, statement: Statement, *, before: str = "", after: str = ""
) -> None:
    """Send one statement of `script`, as one message with `before` and `after`; COPY's rows go their own way."""
    sql = script.sql[statement.start : statement.end]
    if statement.data is None:
        with refused(session, script, statement, sent=before + sql, at=len(before)):
            session.execute(f"{before}{sql}\n;{after}" if before or after else sql)
        return
    if before:
        send_around(session, script, before)
    with refused(session, script, statement, sent=sql):
        session.copy_in(sql, script.sql[slice(*statement.data)])
    if after:
        send_around(session, script, after)
