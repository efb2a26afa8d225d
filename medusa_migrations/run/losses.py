"""What a part drops, and which of that takes values along: of SQL by its words, of a function by its calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from medusa_migrations.schema.operations import Operation, Query, Together
from medusa_migrations.sql.drops import Drop, drops
from medusa_migrations.sql.tokens import ScanError

if TYPE_CHECKING:
    from medusa_migrations.schema.recorder import Function


class Told(NamedTuple):
    """What a part drops, and the calls of a function in words."""

    drops: tuple[Drop, ...]
    calls: tuple[str, ...] = ()

    @property
    def loses(self) -> tuple[str, ...]:
        """The names of what takes values along."""
        return tuple(one.what for one in self.drops if one.loses_values)


def of_sql(sql: str) -> Told:
    """What a part in SQL drops."""
    return Told(tuple(_dropped_by_sql(sql)))


def of_function(function: Function) -> Told:
    """What `function` will do; the last of its calls may be the sentence on why no more can be told."""
    from .python.preview import operations_of

    operations, rest = operations_of(function)
    return Told(tuple(_dropped(operations)), (*map(str, operations), *([rest] if rest else [])))


# The calls of the migration API that take values along.
_LOSE_VALUES = {"drop_table", "drop_column", "drop_schema"}


def _dropped(operations: Sequence[Operation]) -> Iterator[Drop]:
    for one in operations:
        if isinstance(one, Together):
            yield from _dropped(one.operations)
        elif isinstance(one, Query):
            yield from _dropped_by_sql(one.sql)
        elif one.call == "clear_table":
            yield Drop(f"all rows of {one.subject}", True)
        elif one.call.startswith("drop_"):
            what = one.call.removeprefix("drop_").replace("_", " ")
            yield Drop(f"{what} {one.subject}", one.call in _LOSE_VALUES)


def _dropped_by_sql(sql: str) -> Sequence[Drop]:
    try:
        return drops(sql)
    except ScanError:  # of the author's text, which a run refuses
        return ()
