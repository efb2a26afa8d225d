"""Follows renamed migrations in the `depends` of a file, and leaves every other byte as it is."""

from __future__ import annotations

import ast
import codecs
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from medusa_migrations.errors import FileError, locate
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId

from .sqlfile import depends_places
from .text import decode

Renamed = Mapping[MigrationId, MigrationId]


class _Place(NamedTuple):
    """Where a dependency is named: on a line, counted from 0, between two of its bytes."""

    line: int
    start: int
    end: int
    name: str


def mended(data: bytes, cited: str, renamed: Renamed) -> bytes:
    """The file `cited` with the content `data`, with the new id wherever it depends on an old one of `renamed`.

    Raises FileError for one that cannot be read, and for a Python file that names an old one in its `depends` otherwise
    than as a string in a list.
    """
    if not any(old.name.encode() in data for old in renamed):
        return data
    ids = {str(old): str(new) for old, new in renamed.items()}
    text = decode(data, cited)
    places = _places(text, cited, ids)
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    line_end = b"\n" if b"\n" in data else b"\r"  # as `decode` has it
    lines = data.removeprefix(mark).split(line_end)
    for place in places:
        if place.name in ids:
            lines[place.line] = _replaced(lines[place.line], place, ids[place.name])
    return mark + line_end.join(lines)


def line_of_dependency(data: bytes, cited: str, name: str) -> int | None:
    """The line, from 1, on which the file `cited` with the content `data` depends on `name`; None where it is not told.

    Raises FileError for a file that cannot be read.
    """
    places = _places(decode(data, cited), cited, {})
    return next((place.line + 1 for place in places if place.name == name), None)


def _places(text: str, cited: str, ids: Mapping[str, str]) -> Iterator[_Place]:
    return _in_python(text, cited, ids) if cited.endswith(".py") else _in_sql(text, cited)


def _replaced(line: bytes, place: _Place, new: str) -> bytes:
    token = line[place.start : place.end].replace(place.name.encode(), new.encode(), 1)
    return line[: place.start] + token + line[place.end :]


def _in_sql(text: str, cited: str) -> Iterator[_Place]:
    for start, end, name in depends_places(text, cited):
        line = text.count("\n", 0, start)
        before = text[text.rfind("\n", 0, start) + 1 : start]
        first = len(before.encode())
        yield _Place(line, first, first + len(text[start:end].encode()), name)


def _in_python(text: str, cited: str, ids: Mapping[str, str]) -> Iterator[_Place]:
    for node in _strings_of_depends(text, cited):
        source = ast.get_source_segment(text, node) or ""
        name = node.value if isinstance(node, ast.Constant) else None
        if isinstance(name, str) and name in source and node.lineno == node.end_lineno:
            yield _Place(node.lineno - 1, node.col_offset, node.end_col_offset or 0, name)
        elif name in ids or (name is None and any(id_.partition(".")[2] in source for id_ in ids)):
            offset = sum(len(line) + 1 for line in text.split("\n")[: node.lineno - 1])
            raise FileError(
                N_("it depends on a migration that gets another name, and that cannot be changed here"),
                locate(cited, text, offset, column=False),
                N_("Write each id of `depends` as one string on one line."),
            )


def _strings_of_depends(text: str, cited: str) -> Iterator[ast.expr]:
    """What stands in the lists that a file sets `depends` to, and whatever else it sets it to."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise FileError(N_("this is no Python: {error}", error=str(error)), cited, N_("Correct it.")) from None
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets: Sequence[ast.expr] = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        if node.value and any(isinstance(target, ast.Name) and target.id == "depends" for target in targets):
            yield from node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
