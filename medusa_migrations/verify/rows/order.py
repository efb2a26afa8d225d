"""In which order tables are filled: what a table refers to comes before it, where that can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from .shapes import Key, Shape


def groups(tables: Mapping[int, Shape]) -> Iterator[list[Shape]]:
    """The tables one by one, or several together that need each other before they can have a row.

    A foreign key that may be NULL can be filled later, so one that cannot wait decides.
    """
    needed = {oid: {key.table for key in shape.keys if not can_wait(shape, key)} for oid, shape in tables.items()}
    wanted = {oid: {key.table for key in shape.keys} for oid, shape in tables.items()}
    left = dict.fromkeys(tables)
    while left:
        ready = [oid for oid in left if not needed[oid] & left.keys() - {oid}]
        calm = [oid for oid in ready if not wanted[oid] & left.keys() - {oid}]
        group = (calm or ready)[:1] or _cycle(needed, left.keys())
        yield [tables[oid] for oid in group]
        for oid in group:
            del left[oid]


def can_wait(shape: Shape, key: Key) -> bool:
    """Whether a row may have NULL in the foreign key first."""
    return any(column.name in key.columns and not column.not_null for column in shape.columns)


def _cycle(needed: Mapping[int, set[int]], left: Set[int]) -> list[int]:
    """Tables that need each other and no other that is left."""
    reached = [sorted(_reached(oid, needed, left)) for oid in left]
    return min(reached, key=lambda oids: (len(oids), oids))


def _reached(start: int, needed: Mapping[int, set[int]], left: Set[int]) -> set[int]:
    found: set[int] = set()
    todo = [start]
    while todo:
        for oid in needed[todo.pop()] & left - found:
            found.add(oid)
            todo.append(oid)
    return found
