"""What depends on something that changes, and so is dropped before and made again after it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from medusa_migrations.sql.names import quoted

from .compare import Change
from .tables import Column, Constraint, Index, Table, Tables

Place = tuple[str, str]  # a table, and a column, constraint or index of it


def with_remade(changes: Iterable[Change], old: Tables, new: Tables, uncastable: Collection[Place]) -> list[Change]:
    """The `changes` from `old` to `new`, and one more for each thing that cannot stay while they are carried out.

    `uncastable` are the columns whose values cannot become those of the new type: these are dropped and added.
    """
    found = list(changes)
    for name in old.keys() & new.keys():
        found += _generated(found, old[name], new[name])
        dropped = {column for table, column in uncastable if table == name} | _regenerated(found, name)
        found += _in_the_way(found, old[name], new[name], dropped)
    return found + list(_on_remade_keys(found, old, new))


def going_columns(
    changes: Iterable[Change], old: Tables, new: Tables, uncastable: Collection[Place]
) -> dict[Place, bool]:
    """The columns that the changes from `old` to `new` drop of tables that stay, and whether each is added again.

    `uncastable` is as for `with_remade`.
    """
    found = with_remade(changes, old, new, uncastable)
    places = {
        (change.table, change.old.name): False
        for change in found
        if change.op == "drop" and isinstance(change.old, Column)
    }
    places |= {(name, column): True for name in old.keys() & new.keys() for column in _regenerated(found, name)}
    return places | dict.fromkeys(uncastable, True)


def retyped(changes: Iterable[Change], table: str) -> set[str]:
    """The names of the columns of `table` that the changes give another type, or another collation."""
    return {new.name for old, new in _altered(changes, table) if (old.type, old.collation) != (new.type, new.collation)}


def _in_the_way(changes: list[Change], old: Table, new: Table, dropped: set[str]) -> Iterator[Change]:
    """Constraints and indexes on columns that are `dropped` and added, and foreign keys on retyped ones."""
    touched = {change.thing.name for change in changes if change.table == new.name}
    typed = retyped(changes, new.name)
    for before in old.constraints.values():
        after = new.constraints.get(before.name)
        moves = dropped | typed if before.kind == "f" else dropped
        if after and after.name not in touched and moves.intersection(before.columns):
            yield Change("alter", new.name, before, after)
    for index in old.indexes.values():
        same = new.indexes.get(index.name)
        if same and same.name not in touched and any(mentions(index.definition, column) for column in dropped):
            yield Change("alter", new.name, index, same)


def _generated(changes: list[Change], old: Table, new: Table) -> Iterator[Change]:
    """Generated columns that stand on one that gets another type."""
    touched = {change.thing.name for change in changes if change.table == new.name}
    typed = retyped(changes, new.name)
    for column in old.columns.values():
        kept = new.columns.get(column.name)
        if column.generated is None or kept is None or kept.name in touched:
            continue
        if any(mentions(column.generated, other) for other in typed):
            yield Change("alter", new.name, column, kept)


def _regenerated(changes: Iterable[Change], table: str) -> set[str]:
    """The columns that are dropped and added because they are, or were, generated."""
    return {old.name for old, new in _altered(changes, table) if old.generated is not None or new.generated is not None}


def _altered(changes: Iterable[Change], table: str) -> Iterator[tuple[Column, Column]]:
    """The columns of `table` that are there before and after, as they were and as they will be."""
    for change in changes:
        if change.table == table and isinstance(change.old, Column) and isinstance(change.new, Column):
            yield change.old, change.new


def _on_remade_keys(changes: list[Change], old: Tables, new: Tables) -> Iterator[Change]:
    """Foreign keys that stand on a key that is made again, or whose columns get another type."""
    touched = {(change.table, change.thing.name) for change in changes}
    keys = {
        (change.table, frozenset(change.old.columns))
        for change in changes
        if change.op in ("alter", "drop")
        and isinstance(change.old, Constraint)
        and change.old.kind in "pu"
        and not change.is_of_comment
    }
    keys |= {
        (change.table, frozenset(change.old.columns))
        for change in changes
        if change.op in ("alter", "drop")
        and isinstance(change.old, Index)
        and change.old.unique
        and not change.is_of_comment
    }
    typed = {name: retyped(changes, name) for name in old}
    for name in old.keys() & new.keys():
        for before in old[name].constraints.values():
            after = new[name].constraints.get(before.name)
            if before.kind != "f" or after is None or (name, before.name) in touched:
                continue
            target = before.ref_table or ""
            if (target, frozenset(before.ref_columns)) in keys or typed.get(target, set()).intersection(
                before.ref_columns
            ):
                yield Change("alter", name, before, after)


def mentions(expression: str, name: str) -> bool:
    """Whether an expression in SQL has a name as a word of its own, or in quotes.

    It may be that of something else: then more is made again than had to be, which does no harm.
    """
    return re.search(rf'(?<![\w"]){re.escape(name)}(?![\w"])|{re.escape(quoted(name))}', expression) is not None
