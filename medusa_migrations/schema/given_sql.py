"""Checks of the SQL that the author of a migration gives to calls of the migration API."""

from __future__ import annotations

from medusa_migrations.sql.scanner import Statement, split
from medusa_migrations.sql.statements import begins_or_ends_transaction, cannot_run, outside_transaction
from medusa_migrations.sql.tokens import ScanError


def sendable(sql: str, *, in_transaction: bool) -> list[Statement]:
    """The statements of `sql`, which `query` or `stream` is to send.

    Raises ValueError, with what to do instead, for what no migration can send: what is not closed or only psql knows,
    what begins or ends a transaction, and with `in_transaction` what cannot run inside one.
    """
    try:
        statements = split(sql)
    except ScanError as error:
        cure = "Use copy_from." if "COPY" in error.problem else error.cure
        raise ValueError(f"{error.problem}. {cure}") from None
    for statement in statements:
        refused = cannot_run(statement, sql)
        if refused:
            raise ValueError(f"{refused[0]}. {refused[1]}")
        if statement.data is not None:
            raise ValueError("COPY … FROM stdin is not for query. Use copy_from.")
        name = outside_transaction(statement.words)
        if begins_or_ends_transaction(statement.words):
            raise ValueError(f"{name} is not for a migration to send: use transaction()")
        if name and in_transaction:
            raise ValueError(
                f"{name} cannot run inside a transaction: set `transaction = False` at the top of the file"
            )
    return statements


def refuse_several(call: str, sql: str) -> None:
    """Raise ValueError unless `sql`, an argument of the method `call`, is exactly one statement or expression."""
    try:
        found = len(split(sql))
    except ScanError as error:
        raise ValueError(f"{error.problem}. {error.cure}") from None
    if found != 1:
        raise ValueError(f"{call} takes one piece of SQL; this is {found} statements")
