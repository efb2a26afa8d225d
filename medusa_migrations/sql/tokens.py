"""PostgreSQL's lexical rules: what tokens a text consists of, and where each of them ends.

The rules are those of the server's lexer (src/backend/parser/scan.l, chapter "Lexical Structure" of the manual)
with standard_conforming_strings on, and of psql for its backslash commands. Classes repeat possessively, so that
every character is looked at a bounded number of times; groups do not, because Python before 3.11.5 mismatches those
(CPython issue 106052), and where they repeat nothing follows.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable

from medusa_migrations.messages import N_

# The server takes any character beyond ASCII into a word. One that nobody sees, such as U+00A0 that an editor or a chat
# put in place of a space, or a byte order mark inside a file, is left out here: the scanner refuses it. The classes say
# what is in none of them, as re takes long to compile one of all the rest.
_IN_NONE = (
    r"\x00-#%-/:-@\[-^`{-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u3000\ufeff\ufff9-\ufffb"
)
IN_NUMBER = rf"[^{_IN_NONE}$]"
WORD = rf"[^{_IN_NONE}$0-9][^{_IN_NONE}]*+"

_TOKEN = rf"""
      (?P<space>[ \t\n\r\f\v]++)
    | (?P<line_comment>--[^\n\r]*+)
    | (?P<block_comment>/\*)
    | (?P<escape_string>[eE]')
    | (?P<string>')
    | (?P<name>")
    | (?P<word>{WORD})
    | (?P<number>[0-9]{IN_NUMBER}*+)
    | (?P<dollar_quote>\$(?:(?![0-9]){IN_NUMBER}++)?\$)
    | (?P<meta_command>\\\S*+)
    | (?P<other>.)
    """

_ESCAPE_STRING_STEP = re.compile(r"[^'\\]*+('|\\.)", re.DOTALL)

# Two string constants with white space and a line break between them are one (manual, 4.1.2.1). That matters for
# E'…' only: its escapes go on in the continuation.
_CONTINUATION = re.compile(
    r"(?:[ \t\f\v]++|--[^\n\r]*+)*[\n\r](?:[ \t\n\r\f\v]++|--[^\n\r]*+[\n\r])*'",
)

_COMMENT_EDGE = re.compile(r"/\*|\*/")


class ScanError(Exception):
    """A text that cannot be split: `problem` says why, `offset` where in the text, `cure` what its author can do."""

    def __init__(self, problem: str, offset: int, cure: str) -> None:
        super().__init__(problem)
        self.problem, self.offset, self.cure = problem, offset, cure


@functools.cache
def token_pattern() -> re.Pattern[str]:
    """The pattern of one token: its last group is the kind, and of a kind in `ENDS` it matches the beginning only.

    It is compiled at the first scan: a run that has nothing to do is spared that.
    """
    return re.compile(_TOKEN, re.VERBOSE | re.DOTALL)


def tokens(statement: str) -> list[str]:
    """The tokens of a statement as they are written, without white space and comments.

    Raises ScanError for one that is not closed.
    """
    found = []
    at = 0
    while at < len(statement):
        token = token_pattern().match(statement, at)
        assert token is not None  # the last alternative takes any character
        assert token.lastgroup is not None
        start, at = at, token.end()
        if token.lastgroup in ENDS:
            at = ENDS[token.lastgroup](statement, start, at)
        if token.lastgroup not in ("space", "line_comment", "block_comment"):
            found.append(statement[start:at])
    return found


def is_name(token: str) -> bool:
    """Whether a token is a name, plain or in double quotes."""
    found = token_pattern().match(token)
    return found is not None and found.lastgroup in ("word", "name")


def _end_of_block_comment(text: str, start: int, _: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    raise _not_closed(N_("this comment"), "*/", start)


def _end_of_escape_string(text: str, start: int, at: int) -> int:
    while step := _ESCAPE_STRING_STEP.match(text, at):
        at = step.end()
        if step[1] != "'":
            continue
        if text.startswith("'", at):
            at += 1
        elif more := _CONTINUATION.match(text, at):
            at = more.end()
        else:
            return at
    raise _not_closed(N_("this string"), "'", start)


def _end_of_dollar_quote(text: str, start: int, at: int) -> int:
    tag = text[start:at]
    end = text.find(tag, at)
    if end < 0:
        raise _not_closed(N_("this dollar quote"), tag, start)
    return end + len(tag)


def _end_of_quoted(text: str, start: int, at: int) -> int:
    """The end of a string or of a quoted name, in which its quote stands twice for itself."""
    quote = text[start]
    while True:
        end = text.find(quote, at)
        if end < 0:
            raise _not_closed(N_("this string") if quote == "'" else N_("this quoted name"), quote, start)
        if not text.startswith(quote, end + 1):
            return end + 1
        at = end + 2


def invisible(character: str, offset: int) -> ScanError:
    """The error for a character beyond ASCII that `WORD` leaves out."""
    code, name = f"U+{ord(character):04X}", unicodedata.name(character, "a control character")
    return ScanError(
        N_("an invisible character: {code}, {name}", code=code, name=name),
        offset,
        N_("Take it out, or put a plain space in its place; a name that is to have it stands in double quotes."),
    )


def _not_closed(what: str, closing: str, start: int) -> ScanError:
    cure = N_("Nothing up to the end of the file closes it: add {closing}", closing=closing)
    return ScanError(N_("{what} is not closed", what=what), start, cure)


# Where a token ends whose pattern matches its beginning only, by its kind: of the text, where the token starts, and
# where that beginning ends. Each raises ScanError if nothing closes the token.
ENDS: dict[str, Callable[[str, int, int], int]] = {
    "block_comment": _end_of_block_comment,
    "escape_string": _end_of_escape_string,
    "string": _end_of_quoted,
    "name": _end_of_quoted,
    "dollar_quote": _end_of_dollar_quote,
}
