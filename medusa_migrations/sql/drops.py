"""What the statements of a part drop, and which of that takes values with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .names import without_escapes
from .scanner import split
from .statements import loses_data
from .tokens import is_name, tokens


class Drop(NamedTuple):
    """What a statement drops or empties, in words such as `table blog_post`.

    `loses_values` tells whether what is stored goes with it.
    """

    what: str
    loses_values: bool


def drops(sql: str) -> list[Drop]:
    """What `sql` drops and empties, in its order, each once.

    In a DO block and in a function nothing is seen. Raises ScanError for a text that cannot be split into statements.
    """
    if not _MAY_DROP.search(sql):  # a part may be all data, which takes long to split
        return []
    found: list[Drop] = []
    for statement in split(sql):
        if statement.words[0] in _LOOKED_AT:
            written = without_escapes(tokens(sql[statement.start : statement.end]))
            found += _dropped(written, loses_values=loses_data(statement.words))
    return list(dict.fromkeys(found))


_MAY_DROP = re.compile("DROP|TRUNCATE|DELETE", re.IGNORECASE)
_LOOKED_AT = {"DROP", "ALTER", "TRUNCATE", "DELETE", "WITH"}


def _dropped(written: Sequence[str], *, loses_values: bool) -> Iterator[Drop]:
    words = [token.upper() for token in written]
    match words[:2]:
        case ["DROP", _]:
            yield from _objects(written, loses_values=loses_values)
        case ["ALTER", "TABLE" | "TYPE"]:
            yield from _parts(written[2:])
        case ["TRUNCATE", *_]:
            names = _without(written[1:], {"TABLE", "ONLY"}, {"RESTART", "CONTINUE", "CASCADE", "RESTRICT"})
            yield from (Drop(f"all rows of {_joined(one)}", True) for one in _listed(names))
        case ["DELETE" | "WITH", *_] if loses_values and "DELETE" in words:
            yield Drop(f"all rows of {_table_behind(written, words.index('DELETE') + 1)}", True)


# What kinds are written with several words.
_LONG_KINDS = (
    ("MATERIALIZED", "VIEW"),
    ("FOREIGN", "TABLE"),
    ("FOREIGN", "DATA", "WRAPPER"),
    ("EVENT", "TRIGGER"),
    ("ACCESS", "METHOD"),
    ("OPERATOR", "CLASS"),
    ("OPERATOR", "FAMILY"),
    ("USER", "MAPPING", "FOR"),
    ("OWNED", "BY"),
    *(("TEXT", "SEARCH", kind) for kind in ("CONFIGURATION", "DICTIONARY", "PARSER", "TEMPLATE")),
)


def _objects(written: Sequence[str], *, loses_values: bool) -> Iterator[Drop]:
    """What a DROP statement names, each with its kind."""
    words = [token.upper() for token in written[1:]]
    kind = next((kind for kind in _LONG_KINDS if tuple(words[: len(kind)]) == kind), tuple(words[:1]))
    names = _without(written[1 + len(kind) :], {"CONCURRENTLY", "IF", "EXISTS"}, {"CASCADE", "RESTRICT"})
    for one in _listed(names):
        yield Drop(f"{' '.join(kind).lower()} {_joined(one)}", loses_values)


# What a DROP of an ALTER TABLE takes from a column that stays.
_OF_A_COLUMN = {"DEFAULT", "NOT", "EXPRESSION", "IDENTITY"}


def _parts(written: Sequence[str]) -> Iterator[Drop]:
    """What the actions of an ALTER TABLE, or of a composite type, drop; `written` begins behind that word."""
    actions = _listed(_without(written, {"IF", "EXISTS", "ONLY"}, set()))
    table: list[str] = []
    for number, action in enumerate(actions):
        at = _end_of_name(action) if number == 0 else 0
        table = table or list(action[:at])
        words = [token.upper() for token in action[at:]]
        if words[:1] == ["*"]:
            at, words = at + 1, words[1:]
        if words[:1] != ["DROP"] or words[1:2] == [] or words[1] in _OF_A_COLUMN:
            continue
        kind = words[1].lower() if words[1] in {"CONSTRAINT", "ATTRIBUTE", "COLUMN"} and len(words) > 2 else ""
        name = _without(action[at + 1 + bool(kind) :], {"IF", "EXISTS"}, {"CASCADE", "RESTRICT"})
        is_constraint = kind == "constraint"
        place = f"{_joined(name)} of {_joined(table)}" if is_constraint else f"{_joined(table)}.{_joined(name)}"
        yield Drop(f"{kind or 'column'} {place}", not is_constraint)


def _table_behind(written: Sequence[str], at: int) -> str:
    rest = _without(written[at:], {"FROM", "ONLY"}, set())
    return _joined(rest[: _end_of_name(rest)])


def _end_of_name(written: Sequence[str]) -> int:
    """Where the name that `written` begins with ends, its schema included."""
    at = 1
    while written[at : at + 1] == ["."]:
        at += 2
    return at


def _without(written: Sequence[str], before: set[str], behind: set[str]) -> Sequence[str]:
    """`written` without the words of `before` at its start, and from the first of `behind` on.

    What follows a dot is a name, whatever it is.
    """
    start = next((at for at, token in enumerate(written) if token.upper() not in before), len(written))
    rest = written[start:]
    end = next(
        (at for at, token in enumerate(rest) if at and token.upper() in behind and rest[at - 1] not in {".", ","}),
        len(rest),
    )
    return rest[:end]


def _listed(written: Sequence[str]) -> list[Sequence[str]]:
    """`written` in pieces, parted at the commas outside parentheses."""
    pieces: list[list[str]] = [[]]
    depth = 0
    for token in written:
        depth += (token in {"(", "["}) - (token in {")", "]"})
        if token == "," and not depth:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [piece for piece in pieces if piece]


def _joined(written: Sequence[str]) -> str:
    """`written` as one would write it: names joined by their dots, words apart."""
    text = ""
    for token in written:
        is_apart = text and (is_name(token) or text[-1] == ",") and text[-1] not in ".("
        text += f" {token}" if is_apart else token
    return text
