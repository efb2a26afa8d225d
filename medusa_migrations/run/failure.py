"""A migration that failed, in words: where, why, what state things are in, and what to do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from django.apps import apps

from medusa_migrations.database.postgresql import (
    EACH_HELPS,
    INSUFFICIENT_PRIVILEGE,
    INVALID_SCHEMA_NAME,
    LOCK_LOST,
    LOCK_NOT_AVAILABLE,
    NOT_IN_TRANSACTION,
    OBJECT_IN_USE,
    QUERY_CANCELED,
    ROW_GONE,
    UNDEFINED_TABLE,
    UNIQUE_VIOLATION,
    UNSAFE_NEW_ENUM_VALUE_USAGE,
    UNTRANSLATABLE_CHARACTER,
    ServerError,
)
from medusa_migrations.errors import Location
from medusa_migrations.files.owned import django_migrations
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.models import AppliedMigration
from medusa_migrations.results import Failure
from medusa_migrations.sql.names import folded
from medusa_migrations.sql.scanner import Statement

from .options import Options
from .task import Script

HISTORY_TABLE = AppliedMigration._meta.db_table

_LOST = "The connection was lost, so it is not known here whether it was applied."

# A name in a message, in the quotes of the server's language.
_QUOTED = re.compile(r"[\"»«„“]\s*([^\"»«„“”]+?)\s*[\"»«“”]")

# The bytes of a character that the database's encoding lacks, in UTF-8 as they were sent.
_BYTES = re.compile(r"(?:0x[0-9a-f]{2} ?)+")

# What a name without quotes is made of (the server's scan.l).
_NAME = re.compile(r"[\w$\u0080-\U0010ffff]+")


class Ending(NamedTuple):
    """What becomes of a migration that fails or is stopped, as the way says that it went.

    `outcome` says it in words. `may_be_done` tells that a connection that was lost leaves it open. `of_all` tells that
    all migrations of the run share it. `cure` is what to do, where that does not depend on the error.
    `in_transaction` tells that the run has put it into one.
    """

    outcome: str = "It was rolled back."
    may_be_done: bool = True
    of_all: bool = False
    cure: str = ""
    in_transaction: bool = True


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

    def _lacking_at(self) -> int | None:
        """Where the character is that the database's encoding lacks: the first one, at which the server stops.

        What is sent besides, such as the down part that the history stores, may have it too; what a migration in Python
        sends is not in its file.
        """
        lacking = _lacking(self.error)
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

    def message(self, direction: Direction, before: Sequence[MigrationId], ending: Ending, options: Options) -> str:
        """The whole message; `before` are the migrations that this run finished."""
        error, place = self.error, self.location()
        what = f"{self.script.id} failed ({direction})" if self.script else "The transaction of all migrations failed"
        lines = [f"{what}: {error.message}" + (f" (SQLSTATE {error.sqlstate})" if error.sqlstate else "")]
        if self.script:
            lines.append(str(place or self.script.source))
        if place:
            lines.append(place.excerpt())
        lines += [f"{label}: {text}" for label, text in self.fields() if text]
        lines += _invisible(self.script.sql, self.offset) if self.script and self.offset is not None else []
        lines.append(_LOST if self.in_doubt(ending) else ending.outcome)
        if before:
            done = "Applied" if direction is Direction.UP else "Reverted"
            lines.append(f"{done} before it in this run: {', '.join(map(str, before))}.")
        lines.append(self._cure(direction, ending, options))
        return "\n".join(lines)

    def without_transaction(self, direction: Direction) -> str:
        """How the author says that it is to run without one."""
        return f"mark the part `-- migrate:{direction} transaction:false`"

    def fields(self) -> list[tuple[str, str | None]]:
        error = self.error
        named = [f"{kind} {name}" for kind, name in (("table", error.table), ("constraint", error.constraint)) if name]
        return [
            ("DETAIL", error.detail),
            ("HINT", error.hint),
            ("AT", ", ".join(named)),
            ("QUERY", error.internal_query),
            ("CONTEXT", error.context),
        ]

    def _cure(self, direction: Direction, ending: Ending, options: Options) -> str:
        error = self.error
        again = f"run {options.again(direction)} again"
        if error.sqlstate in NOT_IN_TRANSACTION:
            return f"{self._misplaced(direction, ending, options)}, build, and {again}." + (
                f"\n{ending.cure}" if ending.cure else ""
            )
        if ending.cure:
            return ending.cure
        if error.sqlstate == UNIQUE_VIOLATION and error.table == HISTORY_TABLE:
            return "Another process has applied it meanwhile: see migrations_show."
        if error.sqlstate == INSUFFICIENT_PRIVILEGE and HISTORY_TABLE in error.message:
            return f"Grant this database user SELECT, INSERT, UPDATE and DELETE on {HISTORY_TABLE}, and {again}."
        if ROW_GONE in error.message:
            return (
                "Its row in the history is gone: another process has reverted it meanwhile, or the migration has "
                f"emptied {HISTORY_TABLE}, which it must leave alone. See migrations_show."
            )
        if error.sqlstate == UNDEFINED_TABLE and self.offset is None and f'{HISTORY_TABLE}"' in error.message:
            return (
                "A migration must neither drop, rename nor move the history, nor the schema that it is in. Take that "
                f"out, build, and {again}. To move the history, see HISTORY_SCHEMA in the README's settings."
            )
        if error.sqlstate == INVALID_SCHEMA_NAME:
            return f"Make that schema first, or see that search_path names one that is there, and {again}."
        if LOCK_LOST in error.message:
            return (
                "It freed the lock that keeps two runs apart, as pg_advisory_unlock_all does: take that out, "
                f"build, and {again}."
            )
        if self.in_doubt(ending):
            why = "" if error.sqlstate else " Why it was lost is in the server's log, if the server ended it."
            return f"To find out, {again}: it looks into the history first.{why}"
        if error.is_lost:
            return f"The connection was lost: see that the server runs, and {again}."
        if options.mode == "all" and error.sqlstate in EACH_HELPS:
            return f"One transaction for all is too much here: use --transaction each, and {again}."
        if cure := self._cure_in_file(direction, again):
            return cure
        if error.sqlstate == LOCK_NOT_AVAILABLE:
            longer = _setting("--lock-timeout or --retries", options)
            return f"Wait until the lock is free, or give it longer with {longer}, and {again}."
        if error.sqlstate == QUERY_CANCELED:
            return f"If it took too long, give it longer with {_setting('--statement-timeout', options)}, and {again}."
        fix = f"Fix the cause and {again}; a change in the file has to be built first."
        app = _app_of_table(error.message) if error.sqlstate == UNDEFINED_TABLE else None
        if direction is Direction.DOWN or self.script is None or app is None or app == self.script.id.app:
            return fix
        which = f"{app}`, or which of its migrations is needed" if django_migrations(app) else f"{app}.ID`"
        return (
            f"That is a table of the app {app!r}. If it is not there yet, write above the up part "
            f"`-- migrate:depends {which}: that comes first then.\n{fix}"
        )

    def _misplaced(self, direction: Direction, ending: Ending, options: Options) -> str:
        """What to do about a statement that its transaction does not allow there."""
        if "before any query" in self.error.message or "SET TRANSACTION" in self.error.message:
            other = ", or use --transaction each" if options.mode == "all" else ""
            return f"The server takes that only before the first query of its transaction: put it first there{other}"
        if ending.in_transaction:
            return f"This cannot run inside a transaction: {self.without_transaction(direction)}"
        return (
            "It runs without a transaction of the run, so what forbids this is in the file: BEGIN … COMMIT, "
            "transaction(), a function, or a block with EXCEPTION. Take it out of that"
        )

    def _cure_in_file(self, direction: Direction, again: str) -> str | None:
        """What to change in the file, where that is known; `again` is how to run it then."""
        error = self.error
        if (lacking := _lacking(error)) is not None:
            return (
                f"The encoding of this database lacks {_called(lacking)}. Take it out of the file, of its comments and "
                f"its down part too, which the history stores; or use a database in UTF8. Then build, and {again}."
            )
        if error.sqlstate == UNSAFE_NEW_ENUM_VALUE_USAGE:
            return (
                "A new value of an enum can be used when the ALTER TYPE that adds it is committed: put that into a "
                f"migration of its own before this one, or {self.without_transaction(direction)}, build, and {again}."
            )
        if error.sqlstate != OBJECT_IN_USE or error.function != "CheckTableNotInUse":
            return None
        if "by active queries" in error.message:  # in another language both cures are given
            return f"End the loop or close the cursor that reads it before that, build, and {again}."
        also = "" if "pending trigger" in error.message else " A loop or a cursor that reads it has to end too."
        return f"Send SET CONSTRAINTS ALL IMMEDIATE before it, so that its rows are checked first, and {again}.{also}"


def _setting(names: str, options: Options) -> str:
    """Options by their names, or for a command that has none the settings."""
    if not options.command:
        return names
    return re.sub("--([a-z-]+)", lambda match: match[1].upper().replace("-", "_"), names) + " in MEDUSA_MIGRATIONS"


def _app_of_table(message: str) -> str | None:
    """The app whose model has a table that a message quotes, in whatever language it is."""
    tables = {name.rpartition(".")[2] for name in _QUOTED.findall(message)}
    models = apps.get_models(include_auto_created=True)
    return next((model._meta.app_label for model in models if model._meta.db_table in tables), None)


def _lacking(error: ServerError) -> str | None:
    """The character that the database's encoding lacks, if that is the error."""
    found = _BYTES.search(error.message) if error.sqlstate == UNTRANSLATABLE_CHARACTER else None
    try:
        return bytes.fromhex(found[0].replace("0x", "")).decode() if found else None
    except UnicodeDecodeError:  # it was not from UTF-8
        return None


def _invisible(sql: str, offset: int) -> list[str]:
    """A line that names the invisible characters of the name at `offset`, none if it has none.

    The server takes every character beyond ASCII for a letter, so `SELECT` and a no-break space are another word.
    """
    name = _NAME.match(sql, offset)
    found = [char for char in name[0] if unicodedata.category(char) in ("Zs", "Zl", "Zp", "Cf", "Cc")] if name else []
    if not found:
        return []
    return [f"There is a character that cannot be seen: {', '.join(map(_called, dict.fromkeys(found)))}. Type it anew."]


def _called(char: str) -> str:
    """A character by its number and name."""
    return f"U+{ord(char):04X} ({unicodedata.name(char, 'no name')})"


def _copy_row(sql: str, statement: Statement, context: str) -> int | None:
    """The row of a COPY at which the server stopped, from 1; it tells that in the context only.

    In every language the table's name comes first, then the number (CopyFromErrorCallback in its copyfrom.c). Those of
    triggers stand above it.
    """
    if statement.data is None:
        return None
    from medusa_migrations.sql.tokens import tokens  # only to say where something failed

    words = tokens(sql[statement.start : statement.end])
    table = re.escape(folded(words[3] if words[2:3] == ["."] else words[1]))
    rows = re.findall(rf"^(?:COPY )?{table}\D+?(\d+)", context, re.MULTILINE)
    return int(rows[-1]) if rows else None


def _start_of_line(sql: str, statement: Statement, number: int) -> int:
    """The offset of row `number`, from 1, of the data of a COPY."""
    start, end = statement.data or (statement.start, statement.end)
    return start + sum(len(line) + 1 for line in sql[start:end].split("\n")[: number - 1])
