"""What a statement makes or changes: its kind and its names, as far as its words tell."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .names import folded, quoted, without_escapes
from .tokens import is_name, tokens

# A name as the catalog has it: the object's own, or the schema's and that.
Name = tuple[str, ...]

# What has columns, or is read like it.
RELATIONS = {"TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW"}

_MADE = RELATIONS | {
    "AGGREGATE",
    "COLLATION",
    "DOMAIN",
    "EXTENSION",
    "FUNCTION",
    "INDEX",
    "POLICY",
    "PROCEDURE",
    "RULE",
    "SEQUENCE",
    "TRIGGER",
    "TYPE",
}
_CHANGED = RELATIONS | {"DOMAIN", "INDEX", "SEQUENCE", "TYPE"}
# Each with the word that the name of its table follows.
_STAND_ON = {"INDEX": "ON", "POLICY": "ON", "RULE": "TO", "TRIGGER": "ON"}

_BEFORE_KIND = {"OR", "REPLACE", "UNLOGGED", "UNIQUE", "RECURSIVE", "CONSTRAINT"}
_LONG_KINDS = {("MATERIALIZED", "VIEW"), ("FOREIGN", "TABLE")}
_BEFORE_NAME = {"IF", "NOT", "EXISTS", "CONCURRENTLY", "ONLY"}
_BEFORE_PARTITION = {("PARTITION", "OF"), ("ATTACH", "PARTITION"), ("DETACH", "PARTITION")}


class Shaping(NamedTuple):
    """`name` is that of what is made, or changed unless `is_made`; of an index that the server names it is empty.

    `on` are the relations that it stands on or takes for a partition, and `refers` those that foreign keys refer to.
    """

    is_made: bool
    kind: str
    name: Name
    on: tuple[Name, ...] = ()
    refers: tuple[Name, ...] = ()


def shaping(statement: str) -> Shaping | None:
    """What a statement makes or changes; None where that lasts for a session only, is rows, rights or an owner's.

    So it is for kinds that no table is made of, such as an operator.
    """
    written = without_escapes(tokens(statement))
    words = [token.upper() for token in written]
    if words[0] not in ("CREATE", "ALTER") or (words[0] == "ALTER" and ("OWNER", "TO") in itertools.pairwise(words)):
        return None
    at = next((at for at, word in enumerate(words) if at and word not in _BEFORE_KIND), 0)
    length = 2 if tuple(words[at : at + 2]) in _LONG_KINDS else 1
    kind, is_made = " ".join(words[at : at + length]), words[0] == "CREATE"
    if kind not in (_MADE if is_made else _CHANGED):
        return None
    at = _behind(words, at + length, _BEFORE_NAME)
    is_named = words[at : at + 1] != ["ON"]
    on = [*_stands_on(written, words, at, _STAND_ON[kind])] if is_made and kind in _STAND_ON else []
    on += _names_behind(written, words, _BEFORE_PARTITION)
    refers = tuple(_name(written, at + 1) for at, word in enumerate(words) if word == "REFERENCES")
    return Shaping(is_made, kind, _name(written, at) if is_named else (), tuple(on), refers)


def sql_name(name: Name) -> str:
    """A name in quotes."""
    return ".".join(map(quoted, name))


def _stands_on(written: Sequence[str], words: Sequence[str], at: int, word: str) -> Iterator[Name]:
    """What stands behind the first `word` from `at` on."""
    if word in words[at:]:
        yield _name(written, _behind(words, words.index(word, at) + 1, {"ONLY"}))


def _names_behind(written: Sequence[str], words: Sequence[str], pairs: set[tuple[str, str]]) -> Iterator[Name]:
    for at, pair in enumerate(itertools.pairwise(words)):
        if pair in pairs:
            yield _name(written, at + 2)


def _behind(words: Sequence[str], at: int, skipped: set[str]) -> int:
    while at < len(words) and words[at] in skipped:
        at += 1
    return at


def _name(written: Sequence[str], at: int) -> Name:
    """The name that begins at `at`, of one part or more; empty if there is none."""
    parts = []
    while at < len(written) and is_name(written[at]):
        parts.append(folded(written[at]))
        if written[at + 1 : at + 2] != ["."]:
            break
        at += 2
    return tuple(parts)
