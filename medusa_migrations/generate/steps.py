"""Which app's file each change goes into, and in which order the files come."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .tables import Constraint, Table, Tables

# What the name of a file ends with that has the foreign keys alone which could not come before.
KEYS = "keys"


@dataclass(frozen=True)
class Step:
    """A file of the app `label`, and the `tables` as they are behind it.

    `needs` are tables of other apps whose files have to come before it, besides those that it changes or refers to.
    """

    label: str
    tables: Tables
    needs: frozenset[str] = frozenset()
    ending: str = ""


class _Key(NamedTuple):
    """A foreign key of a table of the app `owner` to a table of `target`, as it is and as it will be.

    `moves` tells that what it refers to changes, so that it cannot be there meanwhile.
    """

    table: str
    owner: str
    target: str
    old: Constraint | None
    new: Constraint | None
    moves: bool

    @property
    def body(self) -> tuple[object, ...]:
        found = self.old or self.new
        assert found is not None
        return found.body

    @property
    def first_and_then(self) -> tuple[str, str]:
        """The apps whose order it decides: what it is to refer to is made first, and what it referred to goes then."""
        return (self.target, self.owner) if self.new else (self.owner, self.target)


def steps_between(
    before: Tables, after: Tables, labels: Sequence[str], owners: Mapping[str, str], renamed: Collection[str]
) -> list[Step]:
    """The files, in an order in which they can be run, that make the tables `before` those `after`.

    `owners` has the app of each table, one of `labels`; of two that may come first it is the first of these. A foreign
    key to what a later file makes comes in a file of its own, behind all. `renamed` are the tables of which something
    has a new name, which none but their app's file gives.
    """
    if len(labels) == 1:
        return [Step(labels[0], after)]
    keys = list(_keys_between_apps(before, after, owners, renamed))
    order = _order(labels, keys)
    places = {label: place for place, label in enumerate(order)}
    late = [label for label in order if any(key.owner == label and _is_late(key, places) for key in keys)]

    def tables_at(place: int) -> dict[str, Table]:
        done = {name for name, label in owners.items() if places[label] <= place}
        hidden = {(key.table, key.body) for key in keys if _is_hidden(key, place, places, late)}
        found = {name: table for name, table in after.items() if name in done}
        found |= {name: table for name, table in before.items() if name not in done}
        return {name: _without(table, hidden) for name, table in found.items()}

    steps = [Step(label, tables_at(place), _needs(label, keys, places)) for place, label in enumerate(order)]
    return steps + [Step(label, tables_at(len(order) + place), ending=KEYS) for place, label in enumerate(late)]


def _keys_between_apps(
    before: Tables, after: Tables, owners: Mapping[str, str], renamed: Collection[str]
) -> Iterator[_Key]:
    """The foreign keys from one app to another of those that are compared."""
    for name in dict.fromkeys((*before, *after)):
        old, new = _foreign_keys(before.get(name)), _foreign_keys(after.get(name))
        for body, key in {**new, **old}.items():
            target = key.ref_table or ""
            if target in {*before, *after} and owners[target] != owners[name]:
                moves = _moves(key, before.get(target), after.get(target)) or (body not in old and target in renamed)
                yield _Key(name, owners[name], owners[target], old.get(body), new.get(body), moves)


def _foreign_keys(table: Table | None) -> dict[tuple[object, ...], Constraint]:
    return {one.body: one for one in table.constraints.values() if one.kind == "f"} if table else {}


def _moves(key: Constraint, old: Table | None, new: Table | None) -> bool:
    """Whether the columns that a foreign key refers to come, go or get another type, or their key does."""
    if old is None or new is None:
        return True
    pairs = [(old.columns.get(name), new.columns.get(name)) for name in key.ref_columns]
    if any(a is None or b is None or (a.type, a.collation) != (b.type, b.collation) for a, b in pairs):
        return True
    return _keys_on(old, key.ref_columns) != _keys_on(new, key.ref_columns)


def _keys_on(table: Table, columns: tuple[str, ...]) -> set[tuple[object, ...]]:
    """The keys on columns, whatever their order, that a foreign key can refer to."""
    keys = [one for one in table.constraints.values() if one.kind in "pu"]
    return {one.body for one in keys if {*one.columns} == {*columns}} | {
        one.body for one in table.indexes.values() if one.unique and {*one.columns} == {*columns}
    }


def _order(labels: Sequence[str], keys: Iterable[_Key]) -> list[str]:
    """The apps in the order in which their foreign keys need each other."""
    needs: dict[str, set[str]] = {label: set() for label in labels}
    for key in keys:
        if key.moves:
            first, then = key.first_and_then
            needs[then].add(first)
    return ordered(labels, needs)


def ordered(labels: Sequence[str], needs: Mapping[str, set[str]]) -> list[str]:
    """The apps, each behind those that it `needs`; in a circle first one that needs nothing outside of it."""
    found: list[str] = []
    while left := [label for label in labels if label not in found]:
        reached = {label: _reached(label, needs, found) for label in left}
        found.append(min(left, key=lambda label: (len(reached[label]), label not in reached[label])))
    return found


def _reached(label: str, needs: Mapping[str, set[str]], done: Collection[str]) -> set[str]:
    """The apps that one needs, directly or through others, save those that are `done`."""
    found: set[str] = set()
    more = [label]
    while more:
        new = needs[more.pop()].difference(found, done)
        found |= new
        more += new
    return found


def _is_late(key: _Key, places: Mapping[str, int]) -> bool:
    return bool(key.new) and key.moves and places[key.target] > places[key.owner]


def _is_hidden(key: _Key, place: int, places: Mapping[str, int], late: Sequence[str]) -> bool:
    """Whether a key is not there behind the file at a place: it went with the first app, or comes with the last."""
    own = places[key.owner]
    both = (own, places[key.target]) if key.moves else (own, own)
    comes = len(places) + late.index(key.owner) if _is_late(key, places) else max(both)
    return place >= min(both) if place < own else place < comes


def _without(table: Table, hidden: Collection[tuple[str, tuple[object, ...]]]) -> Table:
    kept = {name: one for name, one in table.constraints.items() if (table.name, one.body) not in hidden}
    return replace(table, constraints=kept)


def _needs(label: str, keys: Iterable[_Key], places: Mapping[str, int]) -> frozenset[str]:
    """The tables of earlier files whose foreign keys must have gone before the file of an app."""
    return frozenset(
        key.table for key in keys if key.moves and key.target == label and places[key.owner] < places[label]
    )
