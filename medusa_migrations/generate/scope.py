"""What of an app's tables is compared with its models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from .kept import without_kept
from .tables import Table, Tables
from .wanted import Wanted


@dataclass(frozen=True)
class Scope:
    """The models that are `wanted`, and the names of `extra_tables` that are the app's and that no model has any more.

    Objects that one of the globs `table.object` in `ignore` matches are left alone.
    """

    wanted: Wanted
    ignore: Sequence[str] = ()
    extra_tables: Sequence[str] = ()

    def compared(
        self, tables: Tables, *, whole: Collection[str] = (), was: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, Table]:
        """What of `tables` is compared; `was` has the old names of renamed tables, by the new ones.

        What is kept is on neither side of a comparison, or a down part would make it once more. Not so of the tables
        named in `whole`: with a table all of it goes, and comes again.
        """
        extended = {model._meta.db_table: columns for model, columns in self.wanted.extended.items()}
        tables = {name: table.only(extended[name]) if name in extended else table for name, table in tables.items()}
        return {
            name: table if name in whole else without_kept(table, self.ignore, {name, was.get(name, name)})
            for name, table in tables.items()
        }
