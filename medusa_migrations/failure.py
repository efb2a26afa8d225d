"""A migration that failed, in words: where, why, what state things are in, and what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .errors import Location, locate
from .migration import Direction, MigrationId
from .models import AppliedMigration
from .postgresql import NOT_IN_TRANSACTION, UNIQUE_VIOLATION, ServerError
from .results import Failure
from .scanner import Statement
from .task import Script

HISTORY_TABLE = AppliedMigration._meta.db_table

# The server tells the row of a COPY in the context only.
_COPY_LINE = re.compile(r"^COPY \S+, line (\d+)")


class StatementFailed(Exception):
    """PostgreSQL refused what was sent of `script`, or the COMMIT of them all if that is None.

    `offset` is where in its SQL the server says, if it does; `statement` the one that was sent alone, if one was.
    `outcome` says in words what became of the migration.
    """

    outcome = "It was rolled back."

    def __init__(
        self,
        script: Script | None,
        error: ServerError,
        offset: int | None = None,
        statement: Statement | None = None,
    ) -> None:
        super().__init__(error.message)
        self.script, self.error, self.offset, self.statement = script, error, offset, statement

    def location(self) -> Location | None:
        """Where it failed: as the server says, else the statement that was sent alone, else unknown."""
        script, statement = self.script, self.statement
        if script is None:
            return None
        if self.offset is not None:
            return locate(script.source, script.sql, self.offset, first_line=script.line)
        if statement is None:
            return None
        row = _COPY_LINE.match(self.error.context or "") if statement.data else None
        offset = statement.start if row is None else _start_of_line(script.sql, statement, int(row[1]))
        return locate(script.source, script.sql, offset, first_line=script.line, column=False)

    def failure(self) -> Failure:
        """The same as a value for programs."""
        place = self.location()
        return Failure(
            id=self.script.id if self.script else None,
            message=self.error.message,
            file=self.script.source if self.script else None,
            line=place.line if place else None,
            column=place.column if place else None,
            sqlstate=self.error.sqlstate,
        )

    def message(self, direction: Direction, before: Sequence[MigrationId]) -> str:
        """The whole message; `before` are the migrations that this run finished."""
        error, place = self.error, self.location()
        what = f"{self.script.id} failed ({direction})" if self.script else "The transaction of all migrations failed"
        lines = [f"{what}: {error.message}" + (f" (SQLSTATE {error.sqlstate})" if error.sqlstate else "")]
        if self.script:
            lines.append(str(place or self.script.source))
        if place:
            lines.append(place.excerpt())
        lines += [f"{label}: {text}" for label, text in self._fields() if text]
        lines.append(self.outcome)
        if before:
            done = "Applied" if direction is Direction.UP else "Reverted"
            lines.append(f"{done} before it in this run: {', '.join(map(str, before))}.")
        lines.append(self._cure(direction))
        return "\n".join(lines)

    def _fields(self) -> list[tuple[str, str | None]]:
        error = self.error
        named = [f"{kind} {name}" for kind, name in (("table", error.table), ("constraint", error.constraint)) if name]
        return [
            ("DETAIL", error.detail),
            ("HINT", error.hint),
            ("AT", ", ".join(named)),
            ("QUERY", error.internal_query),
            ("CONTEXT", error.context),
        ]

    def _cure(self, direction: Direction) -> str:
        again = "migrations_run" if direction is Direction.UP else "migrations_revert"
        if self.error.sqlstate in NOT_IN_TRANSACTION:
            return (
                f"This cannot run inside a transaction: mark the part `-- migrate:{direction} transaction:false`, "
                f"then run "
                f"migrations_build and {again} again."
            )
        if self.error.sqlstate == UNIQUE_VIOLATION and self.error.table == HISTORY_TABLE:
            return "Another process has applied it meanwhile: see migrations_show."
        return f"Mend the cause; if that is in the file, run migrations_build; then run {again} again."


def _start_of_line(sql: str, statement: Statement, number: int) -> int:
    """The offset of row `number`, from 1, of the data of a COPY."""
    start, end = statement.data or (statement.start, statement.end)
    return start + sum(len(line) + 1 for line in sql[start:end].split("\n")[: number - 1])
