"""What became of a statement outside a transaction that was begun before: done, half done, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from medusa_migrations.database.session import Session
from medusa_migrations.events import Listener, Remarked
from medusa_migrations.sql.names import folded
from medusa_migrations.sql.scanner import Statement
from medusa_migrations.sql.tokens import tokens

from .sending import ask, send_around
from .task import Script

# Indexes of a table by name; without a name its invalid ones.
_INDEXES = """
SELECT i.indisvalid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indrelid = pg_catalog.to_regclass(%s)::oid AND CASE WHEN %s THEN NOT i.indisvalid ELSE c.relname = %s END
"""


@dataclass(frozen=True, slots=True)
class IndexStatement:
    """CREATE INDEX CONCURRENTLY `name` (None if it leaves that to the server) on `table`, or DROP INDEX of `name`.

    Names are as SQL writes them; `table` is None for DROP.
    """

    name: str | None
    table: str | None


def index_statement(sql: str, statement: Statement) -> IndexStatement | None:
    """What a CREATE or DROP INDEX CONCURRENTLY names, None for another statement."""
    words = [word for word in statement.words if word != "UNIQUE"]
    if words[1:3] != ["INDEX", "CONCURRENTLY"] or words[0] not in ("CREATE", "DROP"):
        return None
    found = tokens(sql[statement.start : statement.end])
    upper = [token.upper() for token in found]
    last_keyword = "EXISTS" if "EXISTS" in upper[:8] else "CONCURRENTLY"
    found = found[upper.index(last_keyword) + 1 :]
    if words[0] == "DROP":
        return IndexStatement("".join(_until(found, {"CASCADE", "RESTRICT", ","})), None)
    name = None if found[0].upper() == "ON" else found.pop(0)
    table = [token for token in _until(found[1:], {"(", "USING"}) if token.upper() != "ONLY"]
    return IndexStatement(name, "".join(table))


def _until(found: list[str], ends: set[str]) -> list[str]:
    end = next((number for number, token in enumerate(found) if token.upper() in ends), len(found))
    return found[:end]


def is_done_already(
    session: Session, script: Script, statement: Statement, listener: Listener, *, in_doubt: bool
) -> bool:
    """Whether `statement`, begun before, need not be sent again; what is half done is cleared away first.

    With `in_doubt` nobody knows how it ended, otherwise it failed.
    """
    index = index_statement(script.sql, statement)
    if index is None:
        if in_doubt:
            listener(
                Remarked("It is not known whether the statement was done when the run was cut off: running it again.")
            )
        return False
    if index.table is None:
        gone = in_doubt and ask(session, script, "SELECT pg_catalog.to_regclass(%s) IS NULL", [index.name])[0][0]
        if gone:
            listener(Remarked(f"The index {index.name} is gone: taken as done."))
        return bool(gone)
    name = folded(index.name) if index.name else None
    for is_valid, qualified in ask(session, script, _INDEXES, [index.table, name is None, name]):
        if name is None:
            listener(Remarked(f"The invalid index {qualified} may be left from the run that was cut off: see to it."))
        elif not is_valid:
            listener(Remarked(f"Dropping the index {qualified}, which was left invalid, to build it again."))
            send_around(session, script, f"DROP INDEX CONCURRENTLY {qualified}")
        elif in_doubt:
            listener(Remarked(f"The index {qualified} is there and valid: taken as done."))
            return True
    return False
