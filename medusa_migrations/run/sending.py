"""Sends the SQL of a script, whole or statement by statement; what the server refuses becomes StatementFailed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import Error

from medusa_migrations.database.postgresql import position_in, server_error
from medusa_migrations.database.session import Session
from medusa_migrations.sql.scanner import Statement

from .failure import StatementFailed
from .task import Script


def send(session: Session, script: Script, *, before: str = "", after: str = "") -> None:
    """Send all of `script` with `before` and `after` around it, as one message."""
    try:
        session.execute(f"{before}{script.sql}\n;{after}")
    except Error as error:
        found = server_error(error)
        offset = position_in(session.connection, before + script.sql, found.position)
        if offset is not None:
            offset -= len(before)
            if offset >= len(script.sql):  # at the end of the text, or in what stands behind it
                offset = len(script.sql.rstrip()) if offset <= len(script.sql) + 1 else None
        raise StatementFailed(script, found, offset) from error


def send_around(session: Session, script: Script | None, sql: str) -> None:
    """Send `sql` that is not the author's: BEGIN and COMMIT, resets, the history.

    `script` is the one that it is for, None if it is for all.
    """
    _guarded(session, script, None, lambda: session.execute(sql))


def insist(session: Session, script: Script, sql: str) -> None:
    """Send the record of work that is done; a stop that was requested waits for it."""
    _guarded(session, script, None, lambda: session.insist(sql))


def ask(session: Session, script: Script | None, sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a query that is not the author's."""
    rows: list[tuple[Any, ...]] = []
    _guarded(session, script, None, lambda: rows.extend(session.query(sql, params)))
    return rows


def send_statement(
    session: Session, script: Script, statement: Statement, *, before: str = "", after: str = ""
) -> None:
    """Send one statement of `script`, as one message with `before` and `after`; COPY's rows go their own way."""
    sql = script.sql[statement.start : statement.end]
    if statement.data is None:
        whole = f"{before}{sql}\n;{after}" if before or after else sql
        _guarded(session, script, statement, lambda: session.execute(whole), before)
        return
    rows = script.sql[slice(*statement.data)]
    if before:
        send_around(session, script, before)
    _guarded(session, script, statement, lambda: session.copy_in(sql, rows))
    if after:
        send_around(session, script, after)


def _guarded(
    session: Session,
    script: Script | None,
    statement: Statement | None,
    work: Callable[[], None],
    before: str = "",
) -> None:
    try:
        work()
    except Error as error:
        found, offset = server_error(error), None
        if script and statement:
            sql = script.sql[statement.start : statement.end]
            inside = position_in(session.connection, before + sql, found.position)
            if inside is not None and 0 <= inside - len(before) <= len(sql) + 1:
                offset = statement.start + min(inside - len(before), len(sql))
        raise StatementFailed(script, found, offset, statement) from error
