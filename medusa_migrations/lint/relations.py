"""What there is of tables, indexes and their columns: as it was before a statement, and as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .facts import Column
from .queries import ALL_COLUMNS, ALL_CONSTRAINTS, HORIZON, RELATIONS

Query = Callable[[str, list[Any] | None], list[tuple[Any, ...]]]


class Relation(NamedTuple):
    """A table, a view or an index; `file` is 0 for what has none, `index_of` the OID of an index's table, else 0."""

    oid: int
    name: str
    kind: str
    file: int
    tablespace: int
    persistence: str
    index_of: int
    is_partition: bool


class Known:
    """All relations of a database with their columns and constraints; read in full once, then what has changed."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._read_to: str | None = None
        self.relations: dict[int, Relation] = {}
        self.columns: dict[int, dict[int, Column]] = {}
        self.valid: dict[int, dict[int, bool]] = {}  # by table and constraint

    def update(self) -> None:
        """Read what is new. What is gone stays, as no OID comes back and nobody asks for it again."""
        since = [self._read_to, self._read_to]
        horizon = self._query(HORIZON, None)[0][0]
        for row in self._query(RELATIONS, since):
            self.relations[row[0]] = Relation(*row)
        add_columns(self.columns, self._query(ALL_COLUMNS, since))
        for table, constraint, is_valid in self._query(ALL_CONSTRAINTS, since):
            self.valid[table] = {**self.valid.get(table, {}), constraint: is_valid}
        self._read_to = horizon


def add_columns(columns: dict[int, dict[int, Column]], rows: Iterable[tuple[Any, ...]]) -> None:
    """Put rows of COLUMNS or ALL_COLUMNS to those of their tables, whose old values are left as they are."""
    fresh: dict[int, dict[int, Column]] = {}
    for table, number, *rest in rows:
        fresh.setdefault(table, {})[number] = Column(*rest)
    for table, found in fresh.items():
        columns[table] = {**columns.get(table, {}), **found}


def files_of(relations: Iterable[Relation]) -> set[int]:
    """The files that these relations have."""
    return {one.file for one in relations if one.file}
