"""What goes by itself with a column or a table, and so is not dropped by its name.

Names that Django made up depend on how a database came about: one may have others than the database that is compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from .compare import Change
from .remade import Place
from .tables import Column, Constraint, Index, Tables


def goes_along(changes: Iterable[Change], going: Collection[Place], taken: Collection[str]) -> set[Place]:
    """The constraints and indexes that DROP COLUMN takes along (manual, ALTER TABLE) and that may stay until then.

    `going` are the columns that are dropped, and `taken` the names of constraints and indexes that are made meanwhile.
    One that another column is in which changes goes before that.
    """
    all_changes = list(changes)
    altered = {(one.table, one.new.name) for one in all_changes if isinstance(one.old, Column) and one.new}
    keys = {place for one in all_changes for place in _columns_of_key(one)}
    found = set()
    for change in all_changes:
        old = change.old
        if change.op != "drop" or not isinstance(old, Constraint | Index) or old.name in taken:
            continue
        columns = {(change.table, column) for column in old.uses}
        left, referred = columns.difference(going), _referred(old)
        is_primary = isinstance(old, Constraint) and old.kind == "p"  # of which a table has one at a time
        in_the_way = is_primary or not altered.isdisjoint(left | referred) or not referred.isdisjoint({*going, *keys})
        if columns != left and not in_the_way:
            found.add((change.table, old.name))
    return found


def _referred(thing: Constraint | Index) -> set[Place]:
    """The columns that a foreign key refers to; none if it is something else."""
    return {(thing.ref_table or "", one) for one in thing.ref_columns} if isinstance(thing, Constraint) else set()


def _columns_of_key(change: Change) -> Iterator[Place]:
    """The columns of a key that goes, or is made again, which foreign keys may stand on."""
    old = change.old
    is_key = old.unique if isinstance(old, Index) else isinstance(old, Constraint) and old.kind in "pu"
    if change.op in ("drop", "alter") and is_key and isinstance(old, Constraint | Index):
        yield from ((change.table, column) for column in old.columns)


def drop_order(tables: Tables) -> list[str]:
    """The names of tables that go, each before those that it refers to, unless they refer to each other in a circle."""
    left, found = dict(tables), []
    while left:
        referred = {
            key.ref_table
            for table in left.values()
            for key in table.constraints.values()
            if key.ref_table != table.name
        }
        found.append(next((name for name in left if name not in referred), next(iter(left))))
        del left[found[-1]]
    return found
