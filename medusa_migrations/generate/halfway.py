"""The tables between two releases, with which the code of both can work. Values in, values out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass, replace

from .remade import Place
from .tables import Column, Constraint, Index, Table, Tables, all_names


@dataclass(frozen=True)
class Added:
    """What rows that are there get in new columns: `values` is SQL by their place.

    A column that is `slow` cannot be added with its default without writing the table anew.
    """

    values: Mapping[Place, str]
    slow: Collection[Place]


def halfway(old: Tables, new: Tables, added: Added) -> dict[str, Table]:
    """The tables that have what the code of `new` needs, and still what that of `old` lives on.

    What goes stays, but asks nothing of new rows. What old code does not fill is not required yet.
    """
    gone, taken = old.keys() - new.keys(), all_names(new)
    going = {name: _going(table, gone, taken) for name, table in old.items() if name in gone}
    staying = {name: _table(old[name], table, added, taken) if name in old else table for name, table in new.items()}
    tables = {**going, **staying}
    return {name: _without_early_keys(table, tables) for name, table in tables.items()}


def _going(table: Table, going: Set[str], taken: Set[str]) -> Table:
    """A table that goes: its foreign keys would keep new code, which forgets its rows, from deleting what stays."""
    constraints = {
        name: one
        for name, one in table.constraints.items()
        if name not in taken and (one.kind != "f" or one.ref_table in going)
    }
    indexes = {name: one for name, one in table.indexes.items() if name not in taken}
    return replace(table, constraints=constraints, indexes=indexes)


def _table(old: Table, new: Table, added: Added, taken: Set[str]) -> Table:
    going = old.columns.keys() - new.columns.keys()
    columns = {
        name: _altered(old.columns[name], column) if name in old.columns else _added(new.name, column, added)
        for name, column in new.columns.items()
    }
    late = {name for name, column in columns.items() if column.not_null != new.columns[name].not_null}
    late |= {column for table, column in added.slow if table == new.name}
    constraints = _constraints(old, new, going, late, taken)
    keys = {column for one in constraints.values() if one.kind == "p" for column in one.columns}
    columns |= {name: _left(old.columns[name], is_key=name in keys) for name in old.columns if name in going}
    return replace(new, columns=columns, constraints=constraints, indexes=_indexes(old, new, going, late, taken))


def _added(table: str, column: Column, added: Added) -> Column:
    """A new column, which old code does not know: its default stays until that is gone."""
    if column.identity or column.generated is not None:
        return column
    place = (table, column.name)
    default = added.values.get(place) if column.default is None else column.default
    return replace(
        column, default=default, not_null=column.not_null and default is not None and place not in added.slow
    )


def _altered(old: Column, new: Column) -> Column:
    """A column that changes: what fills it does so until old code, which leaves it out, is gone."""
    if old.generated is not None or new.generated is not None:
        return new
    if old.fills_itself and not new.fills_itself:
        new = replace(new, default=_default_kept(old, new), identity=old.identity, sequence=old.sequence)
    return replace(new, not_null=bool(new.identity) or (new.not_null and old.not_null))


def _default_kept(old: Column, new: Column) -> str | None:
    """The default of the old type: a column of another one takes it only if it is cast."""
    if old.default is None or old.sequence or old.type.partition("(")[0] == new.type.partition("(")[0]:
        return old.default
    return f"({old.default})::{new.type}"


def _left(column: Column, *, is_key: bool) -> Column:
    """A column that goes, which new code leaves out."""
    return replace(column, not_null=column.not_null and (is_key or column.fills_itself))


def _constraints(old: Table, new: Table, going: Set[str], late: Set[str], taken: Set[str]) -> dict[str, Constraint]:
    """Those that can hold already, and those that go with a column, unless their names are `taken`."""
    waiting = {name for name, one in new.constraints.items() if _waits(one, late)}
    found = {name: one for name, one in new.constraints.items() if name not in waiting}
    has_key = any(one.kind == "p" for one in found.values())
    for name, one in old.constraints.items():
        goes_along = one.kind != "f" and name not in taken and not going.isdisjoint(one.uses)
        if (name in waiting or goes_along) and not (one.kind == "p" and has_key):
            found[name] = one
    return found


def _indexes(old: Table, new: Table, going: Set[str], late: Set[str], taken: Set[str]) -> dict[str, Index]:
    waiting = {
        name for name, one in new.indexes.items() if one.unique and _counts_nulls(one) and not late.isdisjoint(one.uses)
    }
    found = {name: one for name, one in new.indexes.items() if name not in waiting}
    stays = {
        name: one
        for name, one in old.indexes.items()
        if name in waiting or (name not in taken and not going.isdisjoint(one.uses))
    }
    return found | stays


def _waits(constraint: Constraint, late: Set[str]) -> bool:
    """Whether rows whose `late` columns have no value yet could break it."""
    can_break = constraint.kind in "pcx" or _counts_nulls(constraint)
    return can_break and not late.isdisjoint(constraint.columns)


def _counts_nulls(key: Constraint | Index) -> bool:
    return " NULLS NOT DISTINCT" in key.definition


def _without_early_keys(table: Table, tables: Tables) -> Table:
    """The table without the foreign keys to what is no key yet."""
    early = {name for name, one in table.constraints.items() if one.kind == "f" and not _has_target(one, tables)}
    return replace(table, constraints={name: one for name, one in table.constraints.items() if name not in early})


def _has_target(key: Constraint, tables: Tables) -> bool:
    target = tables.get(key.ref_table or "")
    return target is None or {*key.ref_columns} in [{*columns} for columns in _keys(target)]


def _keys(table: Table) -> Iterator[tuple[str, ...]]:
    yield from (one.columns for one in table.constraints.values() if one.kind in "pu")
    yield from (one.columns for one in table.indexes.values() if one.unique)
