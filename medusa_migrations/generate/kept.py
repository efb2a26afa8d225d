"""What no model has and is left alone: globs `table.object`, of migrate:keep and of the setting IGNORE."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from .schema import Table


def keeps_table(globs: Iterable[str], table: str) -> bool:
    """Whether all of a table is kept, as by `table.*`."""
    parts = (glob.partition(".") for glob in globs)
    return any(thing == "*" and fnmatchcase(table, name) for name, _, thing in parts)


def without_kept(table: Table, globs: Collection[str], names: Collection[str]) -> Table:
    """The table without what is kept of it under one of the `names` that it has or had."""

    def is_compared(thing: str) -> bool:
        return not any(fnmatchcase(f"{name}.{thing}", glob) for name in names for glob in globs)

    return replace(
        table,
        columns={name: column for name, column in table.columns.items() if is_compared(name)},
        constraints={name: constraint for name, constraint in table.constraints.items() if is_compared(name)},
        indexes={name: index for name, index in table.indexes.items() if is_compared(name)},
    )
