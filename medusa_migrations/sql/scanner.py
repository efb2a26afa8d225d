"""Where the statements and comments of a text are.

They are told apart as the server and psql do: by semicolons outside parentheses and BEGIN ATOMIC … END. What only a
client sees is known too: the rows behind COPY … FROM stdin, and backslash commands, which are refused. Every character
is looked at a bounded number of times.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medusa_migrations.messages import N_

from .tokens import ENDS, IN_NUMBER, WORD, ScanError, invisible, token_pattern

# Tokens that say nothing about where a statement ends: passed over in one go where `words` takes none of them.
# A word that is the E of an E'…' string is left for the pattern of tokens, and so is white space at the start: behind a
# comment it may be all that is left of the statement.
_DULL = rf"""
    (?! [ \t\n\r\f\v] )
    (?: [ \t\n\r\f\v,.:=<>+*!@\#%^&|`?~\[\]{{}}]++
      | (?![eE]') {WORD}
      | [0-9]{IN_NUMBER}*+
      | '[^']*+'
      | "[^"]*+"
      | -(?!-)
      | /(?!\*)
    ){{1,500}}
    """

# The server's white space. Python's is wider: what it takes for a wide space is a name to PostgreSQL.
_SPACE = " \t\n\r\f\v"

_REST_OF_LINE = re.compile(r"[ \t\f\v]*+(?:--[^\n]*+)?(?:\n|\Z)")
# What pg_dump writes around a dump since 17.6, to keep psql from running other commands of its own in between.
_RESTRICTS = re.compile(r"\\(?:un)?restrict(?![^ \t\n\r])[^\n\r]*+")

_COPY_END = re.compile(r"^\\\.(?:\n|\Z)", re.MULTILINE)

# What a token that is not a word looks like in `Statement.words`.
_SHAPES = {"string": "'", "escape_string": "'", "dollar_quote": "'", "name": '"', "number": "0"}

# The grammar takes STDOUT for STDIN there.
_FROM_CLIENT = {("FROM", "STDIN"), ("FROM", "STDOUT")}

_ROUTINES = {"FUNCTION", "PROCEDURE"}
_OPTIONS_COUNT = {"CREATE", "ALTER"}

# Enough words to know every statement that is treated in a way of its own.
_WORDS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, `--` or `/* */`: `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: `text[start:end]`, without its semicolon.

    `words` are its first tokens outside parentheses (of REINDEX and of a subscription, inside too): a key word or a
    plain name in capitals, `'` for any string, `"` for a quoted name, `0` for a number, else the character itself.
    `data` is where the rows of a COPY … FROM stdin are, None for any other statement.
    """

    start: int
    end: int
    words: tuple[str, ...]
    data: tuple[int, int] | None = None


def scan(text: str, boundary: re.Pattern[str] | None = None) -> Iterator[Statement | Comment]:
    """Yield the statements and comments of `text`, in the order in which they end.

    A comment at the start of a line that matches `boundary` ends the statement before it. With a boundary, a line
    `\\restrict` or `\\unrestrict` between statements, as pg_dump writes it, is a comment too.
    Raises ScanError for what is not closed, for psql's backslash commands and for COPY data without an end.
    """
    return _Scan(text, boundary).items()


def split(text: str) -> list[Statement]:
    """The statements of `text`. Raises ScanError as `scan` does."""
    return [item for item in scan(text) if isinstance(item, Statement)]


def starts_line(text: str, offset: int) -> bool:
    """Whether a line starts at `offset`; LF and CR both end a line, as they end a `--` comment."""
    return offset == 0 or text[offset - 1] in "\n\r"


@functools.cache
def _dull_pattern() -> re.Pattern[str]:
    return re.compile(_DULL, re.VERBOSE | re.DOTALL)


class _Scan:
    """The state of one pass: where it stands in the text, and the statement that is open."""

    def __init__(self, text: str, boundary: re.Pattern[str] | None) -> None:
        self.text = text
        self.boundary = boundary
        self.at = 0
        self.open_statement()

    def open_statement(self) -> None:
        self.start = -1  # until its first token
        self.end = 0
        self.words: list[str] = []
        self.depth = 0  # of parentheses
        self.previous = ""  # the token before, as in `words`
        self.atomic = -1  # where the BEGIN ATOMIC is that is open
        self.is_routine = False

    def items(self) -> Iterator[Statement | Comment]:
        text, length = self.text, len(self.text)
        next_token, next_dull = token_pattern().match, _dull_pattern().match
        while self.at < length:
            if self.has_known_words():
                dull = next_dull(text, self.at)
                if dull:
                    self.end = self.at = dull.end()
                    continue
            token = next_token(text, self.at)
            assert token is not None  # the last alternative takes any character
            assert token.lastgroup is not None
            start, self.at, kind = self.at, token.end(), token.lastgroup
            if kind == "space":
                continue
            if kind == "line_comment" or kind == "block_comment":
                if kind == "block_comment":
                    self.at = ENDS[kind](text, start, self.at)
                elif self.is_boundary(start):
                    yield from self.close_statement()
                yield Comment(start, self.at)
            elif token[0] == ";" and not self.depth and self.atomic < 0:
                yield from self.close_statement(semicolon=True)
            elif kind == "meta_command" and (restricts := self.restricts(start)):
                self.at = restricts.end()
                yield Comment(start, self.at)
            else:
                self.take(kind, token[0], start)
        yield from self.close_statement()

    def has_known_words(self) -> bool:
        """Whether the open statement keeps no further words here, so that dull tokens may be passed over."""
        if self.is_routine:
            return False
        return len(self.words) == _WORDS_KEPT or (self.depth > 0 and not self.keeps_all())

    def keeps_all(self) -> bool:
        """Whether words inside parentheses count too, because options there decide how the statement can run."""
        return self.words[0] == "REINDEX" or (self.words[1:2] == ["SUBSCRIPTION"] and self.words[0] in _OPTIONS_COUNT)

    def is_boundary(self, start: int) -> bool:
        return bool(self.boundary and starts_line(self.text, start) and self.boundary.match(self.text, start))

    def restricts(self, start: int) -> re.Match[str] | None:
        """The line of pg_dump's that starts here, outside a statement."""
        is_between = self.boundary and self.start < 0 and starts_line(self.text, start)
        return _RESTRICTS.match(self.text, start) if is_between else None

    def take(self, kind: str, token: str, start: int) -> None:
        """Add one token to the open statement, which it opens if there is none."""
        if self.start < 0:
            self.start = start
        if kind == "word":
            token = token.upper()
            self.follow_atomic(token, start)
        elif kind in ENDS:
            self.at = ENDS[kind](self.text, start, self.at)
        elif kind == "meta_command":
            raise ScanError(
                N_("{token} is a command of psql, not SQL", token=token),
                start,
                N_("Only psql knows it. Take it out, or write the SQL that it stands for."),
            )
        elif token > "\x7f":
            raise invisible(token, start)
        elif token == ")" and self.depth:
            self.depth -= 1
        seen = _SHAPES.get(kind, token)
        if len(self.words) < _WORDS_KEPT and (not self.depth or self.keeps_all()):
            self.words.append(seen)
            if seen in _ROUTINES:
                self.is_routine = self.is_routine or self.creates_routine()
        if token == "(":
            self.depth += 1
        self.previous = seen
        self.end = self.at

    def creates_routine(self) -> bool:
        return self.words[:-1] in (["CREATE"], ["CREATE", "OR", "REPLACE"])

    def follow_atomic(self, word: str, start: int) -> None:
        """Note where an SQL-standard body, BEGIN ATOMIC … END, begins and ends.

        In the grammar (gram.y, routine_body_stmt_list) each statement of the body ends with a semicolon, so the
        END that closes it follows one, or ATOMIC; a CASE's END, and a column called end, never do. Bodies do not nest:
        the server takes no CREATE in one.
        """
        if self.atomic < 0:
            if word == "ATOMIC" and self.previous == "BEGIN" and self.is_routine and not self.depth:
                self.atomic = start
        elif word == "END" and self.previous in (";", "ATOMIC"):
            self.atomic = -1

    def close_statement(self, *, semicolon: bool = False) -> Iterator[Statement]:
        if self.atomic >= 0:
            raise ScanError(
                N_("BEGIN ATOMIC has no END of its own"),
                self.atomic,
                N_("Close the body with END after its last semicolon."),
            )
        if self.start >= 0:
            data = self.copy_data(semicolon) if self.words[0] == "COPY" and copies_in(self.words) else None
            end = self.start + len(self.text[self.start : self.end].rstrip(_SPACE))
            yield Statement(self.start, end, tuple(self.words), data)
        self.open_statement()

    def copy_data(self, semicolon: bool) -> tuple[int, int]:
        """Pass over the rows of the COPY … FROM stdin that just ended, and give where they start and end."""
        rest = _REST_OF_LINE.match(self.text, self.at)
        if not semicolon or not rest:
            raise ScanError(
                N_("the rows of COPY … FROM stdin must start on the line after its semicolon"),
                self.start,
                N_("Put a semicolon and a line break behind the COPY, then the rows, then a line with \\. alone."),
            )
        end = _COPY_END.search(self.text, rest.end())
        if not end:
            raise ScanError(
                N_("the rows of COPY … FROM stdin have no end"),
                self.start,
                N_("End them with a line that holds \\. alone."),
            )
        self.at = end.end()
        return rest.end(), end.start()


def copies_in(words: Sequence[str]) -> bool:
    """Whether a COPY with these `words` reads rows from its client."""
    return any(pair in _FROM_CLIENT for pair in itertools.pairwise(words))
