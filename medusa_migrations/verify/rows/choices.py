"""Which of the values that a column could have make a row that all conditions of its table let pass.

The server is asked whether a row may be; how many are tried has an end.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from medusa_migrations.sql.names import folded, literal, quoted
from medusa_migrations.sql.tokens import tokens

from .samples import asked_for, samples
from .shapes import Column, Shape, Shapes, Type

# A value as its input reads it, None for NULL.
Row = dict[str, str | None]
Choices = dict[str, list[str | None]]

# How many rows are looked at for the conditions of one kind, and how many partitions.
_TRIES = 1000
_PARTITIONS = 8


class _Puzzle(NamedTuple):
    """Conditions that have columns in common, and these columns."""

    columns: tuple[Column, ...]
    conditions: tuple[str, ...]


def choices(shapes: Shapes, shape: Shape, column: Column) -> list[str | None]:
    """The values a column could have, the likeliest first, NULL last."""
    conditions = [text for text in (*shape.conditions, *shape.bounds) if column.name in _names(text)]
    type_ = shapes.types[column.type]
    base, mod = type_, column.mod
    while base.kind == "d":
        conditions += base.conditions
        base, mod = shapes.types[base.base], base.mod
    found = samples(shapes.types, column.type, column.mod)
    more = asked_for(base, mod, conditions) if conditions else []
    return list(dict.fromkeys([*found, *more, *([] if column.not_null else [None])]))


def choose(shapes: Shapes, shape: Shape, given: Choices, may_be: Callable[[str], bool]) -> Row:
    """A row of `given` values, the first of each column unless a condition forbids that.

    `may_be` tells whether a row that a query gives passes. A row for which no values are found has the first ones, and
    the server says then what is wrong with it.
    """
    columns = {column.name: column for column in shape.columns if column.name in given}
    for bound in shape.bounds[:_PARTITIONS] or ("",):
        row: Row = {name: values[0] for name, values in given.items()}
        solved = [
            _solve(puzzle, given, may_be)
            for puzzle in _puzzles(columns, [*shape.conditions, *([bound] if bound else [])], shapes.types)
        ]
        for one in solved:
            row |= one or {}
        if None not in solved:
            break
    return row


def _puzzles(columns: Mapping[str, Column], conditions: Iterable[str], types: Mapping[int, Type]) -> list[_Puzzle]:
    """The conditions that share no column apart; a domain has conditions of its own, which a cast to it asks."""
    found: list[tuple[set[str], list[str]]] = []
    asked = [(columns.keys() & _names(text), text) for text in conditions]
    asked += [({name}, _used(name)) for name, column in columns.items() if types[column.type].kind == "d"]
    for names, text in asked:
        joined = [one for one in found if one[0] & names]
        found = [one for one in found if not one[0] & names]
        found.append((names.union(*(one[0] for one in joined)), [*(t for one in joined for t in one[1]), text]))
    return [_Puzzle(tuple(columns[name] for name in sorted(names)), tuple(texts)) for names, texts in found]


def _used(column: str) -> str:
    """A condition that holds, but only after the column's value has been made."""
    return f"pg_catalog.num_nulls({quoted(column)}) >= 0"


def _names(condition: str) -> set[str]:
    return {folded(token) for token in tokens(condition)}


def _solve(puzzle: _Puzzle, given: Choices, may_be: Callable[[str], bool]) -> Row | None:
    """Values for the columns with which the conditions hold, None if none are found."""
    names = [column.name for column in puzzle.columns]
    for values in itertools.islice(_nearest([given[name] for name in names]), _TRIES):
        made = ", ".join(
            f"CAST({literal(value)} AS {column.spelled}) AS {quoted(column.name)}"
            for column, value in zip(puzzle.columns, values, strict=True)
        )
        held = " AND ".join(f"({text}) IS NOT FALSE" for text in puzzle.conditions)
        if may_be(f"SELECT {held} FROM (SELECT {made}) AS made"):
            return dict(zip(names, values, strict=True))
    return None


def _nearest(lists: Sequence[Sequence[str | None]]) -> Iterator[tuple[str | None, ...]]:
    """One of each list, those first that are near to the beginnings."""
    last = sum(len(one) - 1 for one in lists)
    for distance in range(last + 1):
        yield from _at(lists, distance)


def _at(lists: Sequence[Sequence[str | None]], distance: int) -> Iterator[tuple[str | None, ...]]:
    """One of each list, whose places in them come to `distance` together."""
    if not lists:
        if not distance:
            yield ()
        return
    for place in range(min(distance, len(lists[0]) - 1) + 1):
        for rest in _at(lists[1:], distance - place):
            yield (lists[0][place], *rest)
