"""What the statements of a part fill: columns that they set, tables that they put rows into."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .names import folded, without_escapes
from .scanner import split
from .tokens import is_name, tokens


class Place(NamedTuple):
    """A table, or one of its columns; the schema is "" where the SQL leaves it to search_path."""

    schema: str
    table: str
    column: str = ""


def filled(sql: str) -> Iterator[Place]:
    """The columns that an UPDATE of `sql` sets, and the tables that rows are put into.

    In a DO block and in a function nothing is seen. Raises ScanError for a text that cannot be split into statements.
    """
    for statement in split(sql):
        found = without_escapes(tokens(sql[statement.start : statement.end]))
        words = [token.upper() for token in found]
        if _copies(statement.words):
            yield from _named(found, 1)
        elif statement.words[:2] == ("CREATE", "TABLE") and not _QUERIES.isdisjoint(
            itertools.pairwise(statement.words)
        ):
            yield from _named(found, words.index("TABLE") + (4 if "EXISTS" in words[:5] else 1))
        else:
            yield from _changed(found, words)


_QUERIES = {("AS", word) for word in ("SELECT", "TABLE", "VALUES", "WITH", "(", "EXECUTE")}


def _copies(words: Sequence[str]) -> bool:
    return words[0] == "COPY" and "FROM" in words


def _changed(found: Sequence[str], words: Sequence[str]) -> Iterator[Place]:
    """What INSERT, MERGE and UPDATE fill, wherever in the statement they stand."""
    into: list[Place] = []  # of the INSERT or MERGE that a DO UPDATE or THEN UPDATE belongs to
    for at, pair in enumerate(itertools.pairwise(words)):
        if pair in {("INSERT", "INTO"), ("MERGE", "INTO")}:
            into = _named(found, at + 2)
            yield from into
        elif pair == ("UPDATE", "SET"):
            yield from _columns_set(into, found, words, at + 2)
        elif pair[0] == "UPDATE":
            start = next((place for place in range(at + 2, min(at + 10, len(words))) if words[place] == "SET"), 0)
            if start:
                yield from _columns_set(_named(found, at + 1), found, words, start + 1)


def _named(found: Sequence[str], at: int) -> list[Place]:
    """The table whose name stands there, with or without ONLY before it; none if there is no name."""
    at += found[at : at + 1] != [] and found[at].upper() == "ONLY"
    names = list(found[at : at + 1])
    while found[at + 1 : at + 2] == ["."]:
        at += 2
        names += found[at : at + 1]
    if not names or not all(map(is_name, names)):
        return []
    return [Place(*map(folded, ["", *names][-2:]))]


def _columns_set(tables: Sequence[Place], found: Sequence[str], words: Sequence[str], at: int) -> Iterator[Place]:
    """The columns of `tables` that the assignments behind SET give values, as `a = 1, (b, c) = (2, 3)` does."""
    depth, is_target = 0, True
    for token, word in zip(found[at:], words[at:], strict=True):
        depth += (word == "(") - (word == ")")
        if depth < 0 or (depth == 0 and word in _ENDS_ASSIGNMENTS):
            return
        if is_target and is_name(token):
            yield from (table._replace(column=folded(token)) for table in tables)
        is_target = word == "," if depth == 0 and word in {",", "="} else is_target


_ENDS_ASSIGNMENTS = {"FROM", "WHERE", "RETURNING", "WHEN"}
