"""What no model has and is left alone: what globs `table.object` match, of migrate:keep and the setting IGNORE.

The object may be a `column.default`: of a column that a model has, the default in the database alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from .remade import Place
from .tables import Column, Table


def keeps_table(globs: Iterable[str], table: str) -> bool:
    """Whether the globs keep all of a table, as `table.*` does, or `table*` without a point."""
    parts = (glob.partition(".") for glob in globs)
    return any(thing in ("", "*") and fnmatchcase(table, name) for name, _, thing in parts)


def globs_after_renames(globs: Collection[str], names: Mapping[str, str], columns: Mapping[Place, Place]) -> list[str]:
    """The globs that must be added when tables and columns are renamed, so that what is kept of them stays so.

    `names` has the new names of tables by the old ones, `columns` the new places by the old ones. A glob that matches
    the new name already needs no other.
    """
    split = [glob.partition(".") for glob in globs]
    of_tables = [
        f"{_as_glob(new)}.{thing}"
        for old, new in names.items()
        for table, _, thing in split
        if thing and fnmatchcase(old, table) and not fnmatchcase(new, table)
    ]
    return of_tables + [
        f"{_as_glob(new[0])}.{_as_glob(new[1])}.default"
        for old, new in columns.items()
        if _keeps_default(globs, *old) and not _keeps_default([*globs, *of_tables], *new)
    ]


def _keeps_default(globs: Iterable[str], table: str, column: str) -> bool:
    return any(fnmatchcase(f"{table}.{column}.default", glob) for glob in globs)


def _as_glob(name: str) -> str:
    """The name, with any one character for each that a glob, or a line of the header, would read otherwise."""
    return re.sub(r"[\s*?.[]", "?", name)


def without_kept(table: Table, globs: Collection[str], names: Collection[str], defaults: Collection[str] = ()) -> Table:
    """The table without the columns, constraints, indexes and defaults that the globs keep.

    `names` are those that the table has or had: what is kept under one of them is kept. `defaults` are the columns
    whose default a model has, which is compared.
    """

    def is_compared(thing: str) -> bool:
        return not any(fnmatchcase(f"{name}.{thing}", glob) for name in names for glob in globs)

    def without_default(column: Column) -> Column:
        is_kept = column.name not in defaults and not column.serial and not is_compared(f"{column.name}.default")
        return replace(column, default=None) if is_kept else column

    return replace(
        table,
        columns={name: without_default(column) for name, column in table.columns.items() if is_compared(name)},
        constraints={name: constraint for name, constraint in table.constraints.items() if is_compared(name)},
        indexes={name: index for name, index in table.indexes.items() if is_compared(name)},
    )
