"""Whether tables that are there are as a file makes them: both sides as lines, what differs in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from medusa_migrations.messages import N_

# What an object is: the first of its lines, without which it is not there.
KIND = ""

# Of these the name is no part of what they are.
NAMELESS = {"constraint", "index"}

# The line that each column has, with its type; and what others belong to a column.
COLUMN = "column"
_OF_COLUMN = {"NOT NULL", "default", "collation", "identity", "generated"}


class Line(NamedTuple):
    """One fact: of `object`, a table or the like, the `part` called `name` is `text`."""

    object: str
    part: str
    name: str
    text: str


class Unmatched(NamedTuple):
    """The lines that one side has alone; `renamed` counts constraints and indexes that only have another name."""

    file: tuple[Line, ...]
    live: tuple[Line, ...]
    renamed: int


def match(file: Sequence[Line], live: Sequence[Line]) -> Unmatched:
    """Compare the lines of what a file makes with what is there; objects that the file does not make count for none."""
    made = {line.object for line in file}
    live = [line for line in live if line.object in made]
    file_only, live_only = (_beyond(one, other) for one, other in ((file, live), (live, file)))
    named = Counter(line for line in live if line.part in NAMELESS)
    alike = [line for line in file if line.part in NAMELESS and line not in file_only]
    return Unmatched(tuple(file_only), tuple(live_only), sum((Counter(alike) - named).values()))


def differences(file: Sequence[Line], live: Sequence[Line]) -> list[str]:
    """In words what `file` has and `live` has not, and the other way round; both are what `match` leaves."""
    found = []
    for name in dict.fromkeys(line.object for line in (*file, *live)):
        mine, theirs = ([line for line in lines if line.object == name] for lines in (file, live))
        found += _of_object(name, mine, theirs)
    return found


def _beyond(lines: Iterable[Line], others: Iterable[Line]) -> list[Line]:
    """Those of `lines` that `others` have not, each as often as it is missing."""
    left = Counter(map(_identity, others))
    found = []
    for line in lines:
        if left[_identity(line)]:
            left[_identity(line)] -= 1
        else:
            found.append(line)
    return found


def _identity(line: Line) -> Line:
    return line._replace(name="") if line.part in NAMELESS else line


def _of_object(name: str, file: Sequence[Line], live: Sequence[Line]) -> list[str]:
    kinds = [next((line.text for line in lines if line.part == KIND), None) for lines in (file, live)]
    if kinds[0]:
        if kinds[1] is not None:
            return [N_("{object}: {live} here, {file} in the file", object=name, live=kinds[1], file=kinds[0])]
        return [N_("{what} is missing", what=name)]
    columns = [{line.name for line in lines if line.part == COLUMN} for lines in (file, live)]
    lone = columns[0] ^ columns[1]  # with such a one goes what belongs to it
    parts = dict.fromkeys(line[1:3] for line in (*file, *live) if not (line.part in _OF_COLUMN and line.name in lone))
    return [text for part, of in parts for text in _of_part(name, part, of, file, live)]


def _of_part(name: str, part: str, of: str, file: Sequence[Line], live: Sequence[Line]) -> Iterator[str]:
    """What differs in one `part` of the object `name`, the one that is called `of`."""
    mine, theirs = (
        [" ".join(line.text.split()) for line in lines if line[1:3] == (part, of)] for lines in (file, live)
    )
    if part == COLUMN and mine and theirs:
        part = "type"
    is_of_column = part in {"type", *_OF_COLUMN}
    what = f"{name}.{of}: {part}" if is_of_column else f"{name}: {part} {of}".rstrip()
    if mine and theirs:
        yield N_("{what} {live} here, {file} in the file", what=what, live=theirs[0], file=mine[0])
        return
    yield from (N_("{what} is missing", what=f"{what} {text}".rstrip()) for text in mine)
    yield from (N_("{what} is not in the file", what=f"{what} {text}".rstrip()) for text in theirs)
