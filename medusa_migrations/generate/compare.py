"""What has to change for some tables to become others. Expressions in SQL are the same if their texts are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from .tables import Column, Constraint, Index, Table, Tables

Thing = Table | Column | Constraint | Index
_Named = TypeVar("_Named", Constraint, Index)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference in `table`: `old` is None for what is created, `new` for what is dropped.

    `validate` is for a constraint that is only to be checked against the rows that are there.
    """

    op: Literal["create", "drop", "alter", "rename", "validate"]
    table: str
    old: Thing | None = None
    new: Thing | None = None

    @property
    def thing(self) -> Thing:
        """What changes: as it will be, or as it was if it is dropped."""
        found = self.new if self.new is not None else self.old
        assert found is not None
        return found

    @property
    def is_of_comment(self) -> bool:
        """Whether nothing of a constraint or an index changes but its comment, for which it need not be made again."""
        old, new = self.old, self.new
        if not isinstance(old, Constraint | Index) or not isinstance(new, Constraint | Index):
            return False
        return (old.body, old.name) == (new.body, new.name) and old.comment != new.comment


def compare(old: Tables, new: Tables, explicit_names: Collection[str] = ()) -> list[Change]:
    """The changes that make tables as in `old` those in `new`.

    Constraints and indexes are the same if their definitions are. One is renamed only if its old or new name is among
    `explicit_names`, those that an author gave: a name that Django or PostgreSQL made up may stay as it is.
    """
    changes = [Change("create", name, new=new[name]) for name in new if name not in old]
    changes += [Change("drop", name, old=old[name]) for name in old if name not in new]
    for name in new:
        if name in old:
            changes += _table_changes(old[name], new[name], explicit_names)
    return changes + _renames_to_make_room(old, new, changes)


def _table_changes(old: Table, new: Table, explicit_names: Collection[str]) -> Iterator[Change]:
    """The changes of a table that stays, and of all that it has."""
    if (old.comment, old.tablespace) != (new.comment, new.tablespace):
        yield Change("alter", new.name, old, new)
    for column in new.columns.values():
        before = old.columns.get(column.name)
        if before is None:
            yield Change("create", new.name, new=column)
        elif before != column:
            yield Change("alter", new.name, before, column)
    for column in old.columns.values():
        if column.name not in new.columns:
            yield Change("drop", new.name, old=column)
    yield from _named_changes(new.name, old.constraints, new.constraints, explicit_names)
    yield from _named_changes(new.name, old.indexes, new.indexes, explicit_names)


def _named_changes(
    table: str, old: Mapping[str, _Named], new: Mapping[str, _Named], explicit_names: Collection[str]
) -> Iterator[Change]:
    for before, after in _pairs(old, new):
        if before is None or after is None:
            yield Change("drop" if after is None else "create", table, before, after)
        elif before.body != after.body or before.comment != after.comment:
            yield Change("alter", table, before, after)
        else:
            if before.name != after.name and not {before.name, after.name}.isdisjoint(explicit_names):
                yield Change("rename", table, before, after)
            if isinstance(before, Constraint) and isinstance(after, Constraint) and before.valid != after.valid:
                yield Change("validate" if after.valid else "alter", table, before, after)


def _pairs(old: Mapping[str, _Named], new: Mapping[str, _Named]) -> Iterator[tuple[_Named | None, _Named | None]]:
    """Each old thing with the new one that it becomes; None is before one that is created and after one that goes.

    They belong together by the same name and definition, else by the same definition, else by the same name.
    """
    left = dict(old)
    unmatched = []
    for name, after in new.items():
        if name in left and left[name].body == after.body:
            yield left.pop(name), after
        else:
            unmatched.append(after)
    for after in unmatched:
        same = next((one for one in left.values() if one.body == after.body and one.name not in new), None)
        before = same or left.get(after.name)
        if before:
            del left[before.name]
        yield before, after
    for before in left.values():
        yield before, None


def _renames_to_make_room(old: Tables, new: Tables, changes: list[Change]) -> list[Change]:
    """Renames of things whose old name is wanted by a new one.

    That comes about where a table was renamed: its constraints and indexes keep the automatic names of the old one.
    """
    wanted = {name for change in changes if change.op in ("create", "alter") for name in _names(change.new)}
    found = []
    for name in old.keys() & new.keys():
        for before, after in (
            *_pairs(old[name].constraints, new[name].constraints),
            *_pairs(old[name].indexes, new[name].indexes),
        ):
            if before and after and before.name != after.name and before.name in wanted and before.body == after.body:
                change = Change("rename", name, before, after)
                found += [change] if change not in changes else []
    return found


def _names(thing: Thing | None) -> Iterator[str]:
    """The names of the constraints and indexes that a thing is or has."""
    if isinstance(thing, Table):
        yield from thing.constraints
        yield from thing.indexes
    elif isinstance(thing, Constraint | Index):
        yield thing.name
