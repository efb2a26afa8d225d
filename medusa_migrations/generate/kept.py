"""What no model has and is left alone: what globs `table.object` match, of migrate:keep and the setting IGNORE."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from .tables import Table


def keeps_table(globs: Iterable[str], table: str) -> bool:
    """Whether the globs keep all of a table, as `table.*` does, or `table*` without a point."""
    parts = (glob.partition(".") for glob in globs)
    return any(thing in ("", "*") and fnmatchcase(table, name) for name, _, thing in parts)


def globs_after_renames(globs: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """The globs that must be added when tables are renamed, so that what is kept of them stays so.

    `names` has the new names by the old ones. A glob that matches the new name already needs no other.
    """
    split = [glob.partition(".") for glob in globs]
    return [
        f"{_as_glob(new)}.{thing}"
        for old, new in names.items()
        for table, _, thing in split
        if thing and fnmatchcase(old, table) and not fnmatchcase(new, table)
    ]


def _as_glob(name: str) -> str:
    """The name, with any one character for each that a glob, or a line of the header, would read otherwise."""
    return re.sub(r"[\s*?.[]", "?", name)


def without_kept(table: Table, globs: Collection[str], names: Collection[str]) -> Table:
    """The table without the columns, constraints and indexes that the globs keep.

    `names` are those that the table has or had: what is kept under one of them is kept.
    """

    def is_compared(thing: str) -> bool:
        return not any(fnmatchcase(f"{name}.{thing}", glob) for name in names for glob in globs)

    return replace(
        table,
        columns={name: column for name, column in table.columns.items() if is_compared(name)},
        constraints={name: constraint for name, constraint in table.constraints.items() if is_compared(name)},
        indexes={name: index for name, index in table.indexes.items() if is_compared(name)},
    )
