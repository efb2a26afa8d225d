"""What can be told only at the end of a part, as a later statement may make it good again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from .facts import Column, ColumnChange, TableFacts

Columns = Mapping[int, Column]


class _Renamed(NamedTuple):
    number: int
    table: int
    facts: TableFacts  # nothing but the change


class Late:
    """Notes of each statement what is to be judged at the end. Tables are told by OID, columns by number."""

    def __init__(self) -> None:
        self._renamed: list[_Renamed] = []
        self._required: dict[tuple[int, int], int] = {}
        self._failing: set[tuple[int, int]] = set()

    @property
    def tables(self) -> set[int]:
        """The tables whose columns have to be looked at."""
        return {one.table for one in self._renamed} | {table for table, _ in self._required}

    @property
    def names(self) -> set[str]:
        """The names under which nothing may be found any more."""
        return {one.facts.name for one in self._renamed}

    def note(self, number: int, oid: int, table: TableFacts) -> TableFacts:
        """What of `table` can be told at once."""
        renamed = table.changed("renamed")
        plain = TableFacts(table.name, table.kind, table.root, table.taken, table.held)
        if table.new_name or (table.is_gone and table.kind == "view"):
            self._renamed.append(_Renamed(number, oid, plain._replace(is_gone=table.is_gone, new_name=table.new_name)))
            table = table._replace(is_gone=False, new_name="")
        self._renamed += [_Renamed(number, oid, plain._replace(changes=(change,))) for change in renamed]
        return table._replace(changes=tuple(change for change in table.changes if change not in renamed))

    def note_columns(self, number: int, oid: int, before: Columns, now: Columns, new: Collection[int]) -> None:
        """Note which of the `new` columns of a table every INSERT has to give now."""
        for at in new:
            place = (oid, at)
            if not now[at].is_required:
                self._required.pop(place, None)
            elif at not in before and not now[at].is_filled:
                self._failing.add(place)  # which is a finding of its own
            elif place not in self._failing:
                self._required.setdefault(place, number)

    def settle(
        self, names: Collection[str], columns: Mapping[int, Columns], tables: Mapping[int, TableFacts]
    ) -> Iterator[tuple[int, TableFacts]]:
        """What is left at the end, with the number of the statement.

        `names` are those of relations that there are, `columns` those of `self.tables`, and `tables` are those as they
        are called by then.
        """
        for number, oid, facts in self._renamed:
            now = {column.name for column in columns.get(oid, {}).values()}
            taken = names if not facts.changes else now
            if (facts.changes[0].name if facts.changes else facts.name) not in taken:
                yield number, facts
        for (oid, at), number in self._required.items():
            column = columns.get(oid, {}).get(at)
            if column and column.is_required:
                yield number, tables[oid]._replace(changes=(ColumnChange("required", column.name, column),))
