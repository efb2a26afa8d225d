"""The names of what the statements of a part make, as far as their words tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .names import folded, without_escapes
from .scanner import split
from .tokens import is_name, tokens

# Behind these a CREATE names what is there already, or has a body.
_BEHIND_NAME = {"(", "AS", "ON", "USING", "PARTITION", "OWNED", "RETURNS"}

# What may stand between ADD and the name.
_ADDED = {"COLUMN", "CONSTRAINT", "ATTRIBUTE", "VALUE", "IF", "NOT", "EXISTS"}


def made_names(sql: str) -> set[str]:
    """The names, without schemas, that `sql` gives by CREATE, ADD and RENAME; key words of theirs may be among them.

    In a DO block and in a function nothing is seen. Raises ScanError for a text that cannot be split into statements.
    """
    return {
        folded(name)
        for statement in split(sql)
        if statement.words[0] in {"CREATE", "ALTER"}
        for name in _named(without_escapes(tokens(sql[statement.start : statement.end])))
        if is_name(name)
    }


def _named(written: Sequence[str]) -> Iterator[str]:
    words = [token.upper() for token in written]
    if words[0] == "ALTER":
        yield from _added(written, words)
        return
    end = next((at for at, word in enumerate(words) if word in _BEHIND_NAME), len(words))
    yield from (name for at, name in enumerate(written[:end]) if words[at + 1 : at + 2] != ["."])
    if "TABLE" in words[:end] and words[end : end + 1] == ["("]:
        yield from _columns(written[end + 1 :])


def _added(written: Sequence[str], words: Sequence[str]) -> Iterator[str]:
    """What an ALTER adds, or renames something to."""
    for at, word in enumerate(words):
        if word == "ADD":
            behind = at + 1
            while words[behind : behind + 1] and words[behind] in _ADDED:
                behind += 1
            yield from written[behind : behind + 1]
        elif word == "TO" and "RENAME" in words[:at]:
            yield from written[at + 1 : at + 2]


def _columns(written: Sequence[str]) -> Iterator[str]:
    """The columns and named constraints in the parentheses of a CREATE TABLE; `written` begins inside them."""
    depth, is_first = 0, True
    for token in written:
        if is_first:
            yield token
        depth += (token == "(") - (token == ")")
        if depth < 0:
            return
        is_first = not depth and (token == "," or (is_first and token.upper() == "CONSTRAINT"))
