"""The up and down parts of an SQL file, of which it may hold several: which may follow which, and what runs."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Part, Piece
from medusa_migrations.sql.scanner import Statement


@dataclass(slots=True)
class Section:
    """What stands below a marker, whose line is `text[start:end]`; `transaction` is what that line says.

    `cuts` are the lines below it that are left out, each with its start and its end.
    """

    direction: Direction
    start: int
    end: int
    transaction: bool | None = None
    statements: list[Statement] = field(default_factory=list)
    cuts: list[tuple[int, int]] = field(default_factory=list)


class Problem(NamedTuple):
    """What is wrong at an offset of the text, and what its author can do."""

    text: str
    offset: int
    cure: str


def part(direction: Direction, sections: Sequence[Section], text: str) -> Part | None:
    """The part that the `sections` of a file's `text` make: its ups in their order, or its downs backwards.

    None without a section for `direction`. Of several pieces, those without a statement are left out.
    """
    mine = [section for section in sections if section.direction is direction]
    if not mine:
        return None
    found = [pieces for section, pieces in _pieces(sections, text) if section.direction is direction]
    if direction is Direction.DOWN:
        found.reverse()
    pieces = [(piece, has_statement) for group in found for piece, has_statement in group]
    kept = [piece for piece, has_statement in pieces if has_statement] or [pieces[0][0]]
    transaction = True if any(section.transaction for section in mine) else mine[0].transaction
    copies = any(statement.data for section in mine for statement in section.statements)
    return Part(*kept[0], transaction, copies, tuple(kept[1:]))


def _pieces(sections: Sequence[Section], text: str) -> Iterator[tuple[Section, list[tuple[Piece, bool]]]]:
    """For each section its pieces in the order of the text, each with whether it holds a statement."""
    at, line = 0, 1
    ends = [*(section.start for section in sections[1:]), len(text)]
    for section, end in zip(sections, ends, strict=True):
        starts = [statement.start for statement in section.statements]
        found = []
        for piece_start, piece_end in zip(
            [section.end + 1, *(cut[1] + 1 for cut in section.cuts)],
            [*(cut[0] for cut in section.cuts), end],
            strict=True,
        ):
            start = min(piece_start, len(text))
            line += text.count("\n", at, start)
            at = start
            has_statement = bisect_left(starts, start) < bisect_left(starts, piece_end)
            found.append((Piece(start, piece_end, line), has_statement))
        yield section, found


def problem(sections: Sequence[Section], text: str) -> Problem | None:
    """What is wrong with the order or the options of `sections`, or None."""
    ups, downs = ([one for one in sections if one.direction is direction] for direction in Direction)
    return _disagreeing(ups, text) or _disagreeing(downs, text) or (_unpaired(sections) if downs else None)


def _disagreeing(sections: Sequence[Section], text: str) -> Problem | None:
    for section in sections:
        first = sections[0]
        if (section.transaction is False) != (first.transaction is False):
            name, line = f"migrate:{section.direction}", text.count("\n", 0, first.start) + 1
            return Problem(
                N_(
                    "this {name} and that of line {line} do not agree: one says transaction:false", name=name, line=line
                ),
                section.start,
                N_(
                    "They run together: write transaction:false behind each {name} or behind none, or split the file.",
                    name=name,
                ),
            )
    return None


def _unpaired(sections: Sequence[Section]) -> Problem | None:
    """An up part that nothing would undo while others are undone; dbmate refuses it too."""
    for section, below in itertools.zip_longest(sections, sections[1:]):
        if section.direction is Direction.UP and (below is None or below.direction is Direction.UP):
            return Problem(
                N_("this up part has no down part, and others of the file have one"),
                section.start,
                N_("Put a line `-- migrate:down` below it, with nothing behind where nothing is to be undone."),
            )
    return None
