"""What a statement that works CONCURRENTLY names, so that it can be looked at.

Names are given as SQL may write them, `schema.name` with or without quotes. A name that cannot be read is no name here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .names import without_escapes
from .scanner import Statement
from .tokens import is_name, tokens


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """CREATE INDEX CONCURRENTLY on `table`; `name` is None if it leaves that to the server."""

    name: str | None
    table: str
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropIndex:
    """DROP INDEX CONCURRENTLY."""

    name: str


@dataclass(frozen=True, slots=True)
class Detach:
    """ALTER TABLE … DETACH PARTITION … CONCURRENTLY."""

    table: str
    partition: str


@dataclass(frozen=True, slots=True)
class Reindex:
    """REINDEX CONCURRENTLY; `kind` is INDEX, TABLE, SCHEMA, DATABASE or SYSTEM, and `name` "" if there is none."""

    kind: str
    name: str


Target = CreateIndex | DropIndex | Detach | Reindex


def target(sql: str, statement: Statement) -> Target | None:
    """What a statement of `sql` names if it works CONCURRENTLY; None for another, and where that cannot be told."""
    if "CONCURRENTLY" not in statement.words:
        return None
    found = without_escapes(tokens(sql[statement.start : statement.end]))
    words = [token.upper() for token in found]
    match [word for word in words if word != "UNIQUE"][:2]:
        case ["CREATE", "INDEX"]:
            return _create_index(found, words)
        case ["DROP", "INDEX"]:
            name = _name(_until(found[_behind_keywords(words) :], {"CASCADE", "RESTRICT", ","}))
            return DropIndex(name) if name else None
        case ["ALTER", "TABLE"]:
            return _detach(found, words)
        case ["REINDEX", _]:
            return _reindex(found, words)
    return None


def _create_index(found: list[str], words: list[str]) -> CreateIndex | None:
    rest = found[_behind_keywords(words) :]
    name = None if rest[0].upper() == "ON" else rest.pop(0)
    table = _table(rest[1:])
    if table is None or (name is not None and not is_name(name)):
        return None
    return CreateIndex(name, table, "EXISTS" in words[:8])


def _detach(found: list[str], words: list[str]) -> Detach | None:
    """It is the statement's only action (gram.y), and the partition's name is followed by the last word alone."""
    pairs = list(itertools.pairwise(words))
    if ("DETACH", "PARTITION") not in pairs or words[-1] != "CONCURRENTLY":
        return None
    at = len(pairs) - 1 - pairs[::-1].index(("DETACH", "PARTITION"))
    table = _table(found[4 if words[2:4] == ["IF", "EXISTS"] else 2 : at])
    partition = _name(found[at + 2 : -1])
    return Detach(table, partition) if table and partition else None


def _reindex(found: list[str], words: list[str]) -> Reindex | None:
    at = words.index(")") + 1 if words[1] == "(" else 1
    name = _name(found[at + (2 if words[at + 1 : at + 2] == ["CONCURRENTLY"] else 1) :])
    return None if name is None else Reindex(words[at], name)


def _behind_keywords(words: Sequence[str]) -> int:
    """Where the name begins in a CREATE or DROP INDEX CONCURRENTLY [IF [NOT] EXISTS]."""
    return words.index("EXISTS" if "EXISTS" in words[:8] else "CONCURRENTLY") + 1


def _table(found: Sequence[str]) -> str | None:
    """The table at the start of `found`: `[ONLY] name [*]` or `ONLY (name)`."""
    if found[:1] and found[0].upper() == "ONLY":
        found = found[2:] if found[1:2] == ["("] else found[1:]
    return _name(_until(found, {"(", ")", "*", "USING"})) or None


def _until(found: Sequence[str], ends: Iterable[str]) -> Sequence[str]:
    end = next((number for number, token in enumerate(found) if token.upper() in ends), len(found))
    return found[:end]


def _name(found: Sequence[str]) -> str | None:
    """The name that `found` is; None if it is something else."""
    is_one = all(token == "." if number % 2 else is_name(token) for number, token in enumerate(found))
    return "".join(found) if is_one else None
