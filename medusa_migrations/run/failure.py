"""A migration that failed, in words: where, why, and what state things are in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from medusa_migrations.database.postgresql import UNTRANSLATABLE_CHARACTER, ServerError
from medusa_migrations.errors import Location
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.run_result import Failure

from .task import Script

if TYPE_CHECKING:
    from medusa_migrations.sql.scanner import Statement

_LOST = N_("The connection was lost, so it is not known here whether it was applied.")

# The bytes of a character that the database's encoding lacks, in UTF-8 as they were sent.
_BYTES = r"(?:0x[0-9a-f]{2} ?)+"

# What a name without quotes is made of (the server's scan.l), as what it is not made of: re compiles that sooner.
_NAME = r"[^\x00-#%-/:-@\[-^`{-\x7f]+"


class Ending(NamedTuple):
    """What becomes of a migration that fails or is stopped, as the way says that it went.

    `outcome` says it in words. `may_be_done` tells that a connection that was lost leaves it open. `of_all` tells that
    all migrations of the run share it. `cure` is what to do, where that does not depend on the error.
    `in_transaction` tells that the run has put it into one. `lost` is what is said in place of `outcome` where the
    connection was lost, and leaves it open.
    """

    outcome: str = N_("It was rolled back.")
    may_be_done: bool = True
    of_all: bool = False
    cure: str = ""
    in_transaction: bool = True
    lost: str = _LOST


class StatementFailed(Exception):
    """PostgreSQL refused what was sent of `script`, or of what they all share if that is None.

    `offset` is where in its SQL the server says, if it does; `statement` the one that was sent alone, if one was.
    `may_repeat` tells that nothing of what was sent is left, so that it may be sent again.
    """

    may_repeat = True

    def __init__(
        self,
        script: Script | None,
        error: ServerError,
        offset: int | None = None,
        statement: Statement | None = None,
    ) -> None:
        super().__init__(error.message)
        self.script, self.error, self.offset, self.statement = script, error, offset, statement

    def in_doubt(self, ending: Ending) -> bool:
        """Whether it is not known what became of the migration."""
        return self.error.is_lost and ending.may_be_done

    def location(self) -> Location | None:
        """Where it failed: as the server says, else the statement that was sent alone, else unknown."""
        script, statement = self.script, self.statement
        if script is None:
            return None
        offset = self._lacking_at() if self.offset is None else self.offset
        if offset is not None:
            return script.place(offset)
        if statement is None:
            return None
        row = _copy_row(script.sql, statement, self.error.context or "")
        offset = statement.start if row is None else _start_of_line(script.sql, statement, row)
        return script.place(offset, column=False)

    def lacking(self) -> str | None:
        """The character that the database's encoding lacks, if that is the error."""
        found = re.search(_BYTES, self.error.message) if self.error.sqlstate == UNTRANSLATABLE_CHARACTER else None
        try:
            return bytes.fromhex(found[0].replace("0x", "")).decode() if found else None
        except UnicodeDecodeError:  # it was not from UTF-8
            return None

    def _lacking_at(self) -> int | None:
        """Where the character is that the database's encoding lacks: the first one, at which the server stops.

        What is sent besides, such as the down part that the history stores, may have it too; what a migration in Python
        sends is not in its file.
        """
        lacking = self.lacking()
        if lacking is None or self.script is None or self.script.source.endswith(".py"):
            return None
        found = self.script.sql.find(lacking)
        return found if found >= 0 else None

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

    def message(self, direction: Direction, before: Sequence[MigrationId], ending: Ending, cure: str) -> str:
        """The whole message; `before` are the migrations that this run finished, `cure` says what to do."""
        what = N_("The transaction of all migrations failed")
        if self.script:
            what = N_("{id} failed ({direction})", id=self.script.id, direction=direction)
        reason, *lines = self.facts()
        lines = [joined(": ", [what, reason]), *lines]
        lines.append(ending.lost if self.in_doubt(ending) else ending.outcome)
        if before:
            ids = ", ".join(map(str, before))
            if direction is Direction.UP:
                lines.append(N_("Applied before it in this run: {ids}.", ids=ids))
            else:
                lines.append(N_("Reverted before it in this run: {ids}.", ids=ids))
        lines.append(cure)
        return joined("\n", lines)

    def facts(self) -> list[str]:
        """Why and where it failed, as lines."""
        error, place = self.error, self.location()
        state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
        lines: list[str] = [joined("", [error.message, state])]
        if self.script:
            lines.append(str(place or self.script.source))
        if place:
            lines.append(place.excerpt())
        lines += [joined(": ", [label, text]) for label, text in self.fields() if text]
        return lines + (_invisible(self.script.sql, self.offset) if self.script and self.offset is not None else [])

    def without_transaction(self, direction: Direction) -> str:
        """How the author says that it is to run without one."""
        mark = f"`-- migrate:{direction} transaction:false`"
        if self.script and self.script.id.is_repeatable:
            return N_("put it into a file with a timestamp, in a part marked {mark}", mark=mark)
        return N_("mark the part {mark}", mark=mark)

    def fields(self) -> list[tuple[str, str | None]]:
        error = self.error
        named = [N_("table {name}", name=error.table)] if error.table else []
        named += [N_("constraint {name}", name=error.constraint)] if error.constraint else []
        return [
            ("DETAIL", error.detail),
            ("HINT", error.hint),
            ("AT", joined(", ", named)),
            ("QUERY", error.internal_query),
            ("CONTEXT", error.context),
        ]


def _invisible(sql: str, offset: int) -> list[str]:
    """A line that names the invisible characters of the name at `offset`, none if it has none.

    The server takes every character beyond ASCII for a letter, so `SELECT` and a no-break space are another word.
    """
    name = re.compile(_NAME).match(sql, offset)
    found = [char for char in name[0] if unicodedata.category(char) in ("Zs", "Zl", "Zp", "Cf", "Cc")] if name else []
    if not found:
        return []
    names = ", ".join(map(character_name, dict.fromkeys(found)))
    return [N_("There is a character that cannot be seen: {names}. Type it anew.", names=names)]


def character_name(char: str) -> str:
    """A character by its number and name."""
    return f"U+{ord(char):04X} ({unicodedata.name(char, 'no name')})"


def _copy_row(sql: str, statement: Statement, context: str) -> int | None:
    """The row of a COPY at which the server stopped, from 1; it tells that in the context only.

    In every language the table's name comes first, then the number (CopyFromErrorCallback in its copyfrom.c). Those of
    triggers stand above it.
    """
    if statement.data is None:
        return None
    from medusa_migrations.sql.names import folded  # only to say where something failed
    from medusa_migrations.sql.tokens import tokens

    words = tokens(sql[statement.start : statement.end])
    table = re.escape(folded(words[3] if words[2:3] == ["."] else words[1]))
    rows = re.findall(rf"^(?:COPY )?{table}\D+?(\d+)", context, re.MULTILINE)
    return int(rows[-1]) if rows else None


def _start_of_line(sql: str, statement: Statement, number: int) -> int:
    """The offset of row `number`, from 1, of the data of a COPY."""
    start, end = statement.data or (statement.start, statement.end)
    return start + sum(len(line) + 1 for line in sql[start:end].split("\n")[: number - 1])
