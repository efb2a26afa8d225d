"""Which statement of a part has failed, where the server did not say: found by sending them one by one."""

from __future__ import annotations

from medusa_migrations.database.session import Session
from medusa_migrations.messages import N_
from medusa_migrations.run.failure import StatementFailed
from medusa_migrations.run.sending import send_around, send_statement
from medusa_migrations.run.task import Script
from medusa_migrations.sql.scanner import split

from .beyond import BEYOND, Beyond, touched


def named(failed: StatementFailed) -> StatementFailed:
    """`failed`, or if that is of the guard what it has found: for a part of which some may have been committed."""
    is_found = BEYOND in failed.error.message and failed.script is not None
    return _beyond(failed, failed.error.message) if is_found else failed


def located(failed: StatementFailed, session: Session) -> StatementFailed:
    """`failed`, or if that names no statement the same that does; of the guard, what has made it fail.

    It is for a part in SQL whose transaction was rolled back, so that what it found is still there.
    """
    if isinstance(failed, Beyond):
        return failed
    is_beyond = BEYOND in failed.error.message
    script = failed.script
    if script is None or failed.location() is not None or script.source.endswith(".py"):
        return named(failed)
    try:
        found = _found(script, session, is_beyond=is_beyond)
    finally:
        session.rollback()
    if found and (is_beyond or found.error.sqlstate == failed.error.sqlstate):
        return found
    return named(failed)


def _found(script: Script, session: Session, *, is_beyond: bool) -> StatementFailed | None:
    try:
        send_around(session, script, "BEGIN")
        for statement in split(script.sql):
            send_statement(session, script, statement)
            names = touched(session) if is_beyond else None
            if names:
                return Beyond(script, N_("This writes to {names}, and so", names=names), statement)
    except StatementFailed as failed:
        return failed
    return None


def _beyond(failed: StatementFailed, message: str) -> Beyond:
    assert failed.script is not None
    names = message.partition(BEYOND)[2].strip(' :"')
    return Beyond(failed.script, N_("This writes to {names}, and so", names=names), failed.statement)
