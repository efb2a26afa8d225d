"""The values that the rest is about: an id, a part, a migration."""

from __future__ import annotations

import enum
import functools
import hashlib
import itertools
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from .messages import N_

TIMESTAMP_FORMAT = "%Y%m%d%H%M%S"
_DJANGO_MIGRATION = re.compile(r"[A-Za-z_]\w*(\.\w+)?")
_NAME = re.compile(r"([0-9]{14})[_-]([A-Za-z0-9_.-]+)")

# What the name of a repeatable migration begins with, as Flyway's does.
REPEATABLE = "R__"
_REPEATABLE_NAME = re.compile(rf"{REPEATABLE}[A-Za-z0-9_.-]+")

# The name of a feature.
FEATURE = re.compile(r"[A-Za-z0-9_.-]+")

# The longest name whose file in dist, "<name>.<8 hex digits>.sql.<pid>.tmp" while it is written, fits in the 255 bytes
# of most file systems.
NAME_LENGTH = 228


Severity = Literal["error", "warning", "note"]

# What a statement may do to tables that are in use, and lint finds. An error locks or fails; a warning is a question of
# the order of release: before or after the code that is new.
LINT_CODES: Mapping[str, Severity] = {
    "rewrite": "error",
    "index-build": "error",
    "scan": "error",
    "held": "error",
    "required-column": "error",
    "bulk-update": "error",
    "loss": "error",
    "insert-breaks": "warning",
    "drop-table": "warning",
    "drop-column": "warning",
    "rename-table": "warning",
    "rename-column": "warning",
}

# What is let pass: `drift KIND NAME: reason`, or `CODE [TABLE]: reason`. Compiled where a file says so: that takes
# every start its time.
_ALLOWED = rf"(?:drift\s+(\S+)\s+(\S.*?)|({'|'.join(LINT_CODES)})(?:\s+(\S+?))?):\s+(\S.*)"

# When a migration may run, as seen from the release of the code that comes with it: before that is live, or after.
Phase = Literal["before", "after"]

# What `migrations_show` tells of a migration.
State = Literal["applied", "pending", "changed", "missing", "failed", "running", "disabled"]

# (app label, name), of either kind: a MigrationId is one too.
Key = tuple[str, str]


class Direction(enum.StrEnum):
    UP = "up"
    DOWN = "down"


class MigrationId(NamedTuple):
    """`app` is the app's label, `name` is `<timestamp>_<slug>`, of a repeatable one `R__<slug>`."""

    app: str
    name: str

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"

    @property
    def is_repeatable(self) -> bool:
        """Whether it is run again whenever its up part is another."""
        return self.name.startswith(REPEATABLE)

    @property
    def timestamp(self) -> str:
        """The 14 digits; "" of a repeatable one, which has none."""
        return "" if self.is_repeatable else self.name[:14]

    @property
    def sort_key(self) -> tuple[str, str, str]:
        """By timestamp over all apps, ties by app label, then name; behind these the repeatable ones by name."""
        if self.is_repeatable:
            return REPEATABLE, self.name, self.app
        return self.name[:14], self.app, self.name

    @classmethod
    def parse(cls, text: str) -> MigrationId | None:
        """The id that `text` writes as `<app_label>.<name>`, or None if it writes none."""
        app, dot, name = text.partition(".")
        is_name = _NAME.fullmatch(name) or _REPEATABLE_NAME.fullmatch(name)
        return cls(app, name) if dot and app.isidentifier() and is_name else None


def is_dependency(text: str) -> bool:
    """Whether `text` names a migration, one of Django's as `auth.0012_…`, or all of an app's as `auth`."""
    return bool(MigrationId.parse(text) or _DJANGO_MIGRATION.fullmatch(text))


def name_problem(name: str) -> str | None:
    """What is wrong with the name of a migration, or None."""
    match = _NAME.fullmatch(name)
    if not match and not _REPEATABLE_NAME.fullmatch(name):
        return N_(
            "a migration is named <timestamp>_<slug>: 14 digits, then letters, digits, '_', '-' and '.'; "
            "or R__<slug>, if it is repeatable"
        )
    if len(name) > NAME_LENGTH:
        return N_("the name has {count} characters; at most {most} fit", count=len(name), most=NAME_LENGTH)
    return timestamp_problem(match[1]) if match else None


def has_timestamp(name: str) -> bool:
    """Whether `name` is that of a migration with a place in the order of time."""
    return not name.startswith(REPEATABLE) and name_problem(name) is None


def timestamp_problem(timestamp: str) -> str | None:
    """What is wrong with a timestamp, or None."""
    try:
        if len(timestamp) == 14 and timestamp.isascii() and timestamp.isdigit():
            # strptime takes ten times as long, and is asked for every file.
            month, day, hour, minute, second = (int(timestamp[at : at + 2]) for at in range(4, 14, 2))
            datetime(int(timestamp[:4]), month, day, hour, minute, second, tzinfo=UTC)
            return None
    except ValueError:
        pass
    return N_("{timestamp!r} is not a moment written YYYYMMDDHHMMSS (UTC)", timestamp=timestamp)


class Piece(NamedTuple):
    """A stretch of a text, `text[start:end]`; `line` is the line of the file that it starts on."""

    start: int
    end: int
    line: int


class Part(NamedTuple):
    """The up or the down part of a migration: `text[start:end]`, which starts on line `line` of the file.

    Where a file has several of them, `more` are the pieces that are run behind that one. Of a Python file it is all of
    the text. `transaction` is what the marker says, None if nothing. `copies` tells that it holds COPY … FROM stdin,
    whose rows take a way of their own to the server.
    """

    start: int
    end: int
    line: int
    transaction: bool | None = None
    copies: bool = False
    more: tuple[Piece, ...] = ()

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return Piece(self.start, self.end, self.line), *self.more

    def sql(self, text: str) -> str:
        """What is sent: the pieces of `text`, the file's."""
        return _joined(self._texts(text))

    def pieces_of_sql(self, text: str) -> tuple[Piece, ...]:
        """Where in `sql(text)` the pieces are; one alone goes to its end, wherever that is."""
        if not self.more:
            return _all_of_it(self.line)
        texts = self._texts(text)
        starts = itertools.accumulate((len(one) + len(_joint(one)) for one in texts[:-1]), initial=0)
        return tuple(
            Piece(start, start + len(one), piece.line)
            for start, one, piece in zip(starts, texts, self.pieces, strict=True)
        )

    def checksum(self, text: str) -> str:
        """The checksum of its SQL, without the white space at the ends of each piece."""
        return checksum(_joined([one.strip() for one in self._texts(text)]))

    def _texts(self, text: str) -> list[str]:
        return [text[self.start : self.end], *(text[piece.start : piece.end] for piece in self.more)]


@functools.cache
def _all_of_it(line: int) -> tuple[Piece, ...]:
    """The one piece that is a whole text, which the parts of thousands of files share."""
    return (Piece(0, sys.maxsize, line),)


def _joined(texts: list[str]) -> str:
    *first, last = texts
    return "".join([*(one + _joint(one) for one in first), last])


def _joint(sql: str) -> str:
    """What stands between `sql`, a piece of a part, and the next one: they are lines and statements apart.

    Quotes and comments are closed in a piece, so a semicolon at its end is one unless a `--` comment holds it. One too
    many does no harm.
    """
    last_line = sql.rstrip().rpartition("\n")[2]
    line_break = "" if sql.endswith("\n") else "\n"
    return line_break if last_line.endswith(";") and "--" not in last_line else f"{line_break};\n"


class Allowed(NamedTuple):
    """What a migration may do though it is found, and why.

    `code` is one of LINT_CODES, with `name` a table or "" for all. Or it is "drift": the down part may leave the object
    of that `kind` and `name` otherwise than it was.
    """

    code: str
    kind: str
    name: str
    reason: str

    @classmethod
    def parse(cls, text: str) -> Allowed | None:
        """What `text` allows, as `drift extension pg_trgm: another app uses it`, or None if it is not written so."""
        match = re.fullmatch(_ALLOWED, text.strip())
        if not match:
            return None
        kind, name, code, table, reason = match.groups()
        return cls(code or "drift", kind or "", name or table or "", reason)


class Migration(NamedTuple):
    """One migration, in the sources or in dist: everything but its SQL.

    `source` is the path that messages cite, `file` where its text is, `hash` the SHA-256 of that file's bytes.
    `checksum` is the up part's, or of a Python file the whole text's. `depends` are ids of migrations, or Django's:
    `auth.0012_…`, `auth`. `allow` are texts that `Allowed` reads. `phase` tells when it may run.
    `drops` are ids of repeatable ones that have to go before its up part, and `replace` tells of a repeatable one that
    it has to go before it is run again. `baseline` tells that it is recorded instead of run where its tables are there.
    """

    id: MigrationId
    source: str
    file: str
    hash: str
    checksum: str
    up: Part
    down: Part | None
    depends: tuple[str, ...] = ()
    feature: str | None = None
    keep: tuple[str, ...] = ()
    description: str = ""
    allow: tuple[str, ...] = ()
    phase: Phase = "before"
    drops: tuple[str, ...] = ()
    replace: bool = False
    baseline: bool = False

    @property
    def is_repeatable(self) -> bool:
        return self.id.is_repeatable

    @property
    def is_python(self) -> bool:
        return self.source.endswith(".py")

    def part(self, direction: Direction) -> Part | None:
        return self.up if direction is Direction.UP else self.down


def dependencies(migration: Migration) -> list[MigrationId]:
    """The SQL migrations that `migration` depends on."""
    if not migration.depends:  # as most, which a check of thousands is spared
        return []
    return [found for text in migration.depends if (found := MigrationId.parse(text))]


def dropped_by(migration: Migration) -> list[MigrationId]:
    """The repeatable migrations that have to go before `migration` is run."""
    return [found for text in migration.drops if (found := MigrationId.parse(text))]


def django_dependencies(migration: Migration) -> list[tuple[str, str | None]]:
    """Django's migrations that it depends on: (app label, name), the name None for the app's latest."""
    if not migration.depends:
        return []
    plain = [text for text in migration.depends if not MigrationId.parse(text)]
    return [(label, name or None) for label, _, name in (text.partition(".") for text in plain)]


def checksum(sql: str) -> str:
    """The SHA-256 of a part's text, without the white space at its ends, in hexadecimal."""
    return hashlib.sha256(sql.strip().encode()).hexdigest()


def whole_checksum(text: str) -> str:
    """The SHA-256 of a whole text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
