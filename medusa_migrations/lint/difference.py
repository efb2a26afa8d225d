"""What differs between the columns of a table before and after a statement, and between its constraints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .facts import Column, ColumnChange, Constraint


def column_changes(
    before: Mapping[int, Column], after: Mapping[int, Column], first: Mapping[int, Column]
) -> Iterator[ColumnChange]:
    """The changes of a table's columns, which are given by number.

    `first` are those before the part: nobody misses another that goes, or another name.
    """
    for number, column in after.items():
        was = before.get(number)
        if was is None:
            if not column.is_dropped:
                yield ColumnChange("added", column.name, column)
        elif column.is_dropped:
            if not was.is_dropped and number in first:
                yield ColumnChange("dropped", was.name, was)
        else:
            yield from _changes(was, column, first.get(number))


def _changes(was: Column, column: Column, first: Column | None) -> Iterator[ColumnChange]:
    if was.name != column.name and first and was.name == first.name:
        yield ColumnChange("renamed", was.name, column)
    if was.type != column.type:
        yield ColumnChange("retyped", was.name, column)
    if column.is_not_null and not was.is_not_null:
        yield ColumnChange("set not null", was.name, column)


def validated(before: Mapping[int, bool], after: Mapping[int, tuple[bool, Constraint]]) -> Iterator[Constraint]:
    """The constraints that hold for all rows and did not, or were not there; `before` tells of each whether it did."""
    for number, (is_valid, constraint) in after.items():
        if is_valid and not before.get(number, False):
            yield constraint._replace(is_old=number in before)
