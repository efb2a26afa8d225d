"""What of the tables of apps is compared with their models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from .kept import without_kept
from .remade import Place
from .tables import Constraint, Table, Tables
from .wanted import Wanted


@dataclass(frozen=True)
class Scope:
    """The models that are `wanted`, and the names of `extra_tables` that are the apps' and that no model has any more.

    `owners` has the labels of the apps by their tables. Objects that one of the globs `table.object` in `ignore`
    matches are left alone, and those of an app's tables that one in `kept` of that app does. `coming` are tables of
    other apps that are not there yet, and that migrations make which come first. `keys_left_out` are the foreign keys,
    by table and column, that cannot be made, with what to say of each; such a key is not compared, nor one to a table
    that only its schema's name finds.
    """

    wanted: Wanted
    ignore: Sequence[str] = ()
    extra_tables: Sequence[str] = ()
    owners: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, Sequence[str]] = field(default_factory=dict)
    coming: Collection[str] = ()
    keys_left_out: Mapping[Place, str] = field(default_factory=dict)

    def globs(self, table: str) -> list[str]:
        """The globs that say what of a table is left alone."""
        return [*self.ignore, *self.kept.get(self.owners.get(table, ""), ())]

    def compared(
        self, tables: Tables, *, whole: Collection[str] = (), was: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, Table]:
        """What of `tables` is compared; `was` has the old names of renamed tables, by the new ones.

        What is kept is on neither side of a comparison, or a down part would make it once more. Not so of the tables
        named in `whole`: with a table all of it goes, and comes again.
        """
        extended = {model._meta.db_table: columns for model, columns in self.wanted.extended.items()}
        tables = {name: table.only(extended[name]) if name in extended else table for name, table in tables.items()}
        defaults = self.wanted.defaults
        tables = {name: self.without_keys(table) for name, table in tables.items()}
        return {
            name: table
            if name in whole
            else without_kept(table, self.globs(name), {name, was.get(name, name)}, defaults.get(name, ()))
            for name, table in tables.items()
        }

    def without_keys(self, table: Table) -> Table:
        """The table without the foreign keys that are not compared."""

        def is_compared(key: Constraint) -> bool:
            places = {(table.name, column) for column in key.columns}
            return key.kind != "f" or not (key.is_elsewhere or places & self.keys_left_out.keys())

        return replace(table, constraints={name: one for name, one in table.constraints.items() if is_compared(one)})
