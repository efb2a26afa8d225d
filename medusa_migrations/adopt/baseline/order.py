"""Which file each object goes into, and in which order a file makes its own; from values alone."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from medusa_migrations.errors import PlanError
from medusa_migrations.generate.render import column_sql
from medusa_migrations.messages import N_

from .pieces import Address, Piece, Statement

# What is made first where it may be; what hangs on a table comes right behind that.
_RANKS = ("extension", "collation", "type", "function", "procedure", "sequence", "table")

# What has to be there before a table gets it as a partition, so that its own are taken for that.
_ATTACHED_WITH = {"index", "constraint"}


class File(NamedTuple):
    """What goes into one file of an app, in its order; `is_second` for what closes a circle between apps."""

    app: str
    is_second: bool
    pieces: tuple[Piece, ...]


def with_partitions(pieces: Sequence[Piece], parents: Mapping[Address, Collection[Address]]) -> list[Piece]:
    """`pieces`, where a partition is attached behind the indexes and constraints of both tables."""
    hanging: dict[Address, set[Address]] = defaultdict(set)
    for one in pieces:
        if one.table and one.kind in _ATTACHED_WITH:
            hanging[one.table].add(one.address)
    return [
        replace(one, needs=one.needs | _before_attached(one.table, parents[one.table], hanging))
        if one.kind == "partition" and one.table
        else one
        for one in pieces
    ]


def _before_attached(
    table: Address, parents: Collection[Address], hanging: Mapping[Address, set[Address]]
) -> set[Address]:
    both = {table, *parents}
    return both.union(*(hanging.get(one, set()) for one in both))


def files_of(pieces: Sequence[Piece], apps: Mapping[Address, str]) -> list[File]:
    """The files, in their order: one an app, and behind these one more for what needs a table of a later one.

    `apps` are those of the tables. Raises PlanError for what needs each other in a circle.
    """
    by_address = {one.address: one for one in pieces}
    labels = _order_of_apps(pieces, apps)
    place = {label: number for number, label in enumerate(labels)}
    first = _first_places(by_address, apps, place)
    found: dict[Address, int] = {}
    for one in _in_order(by_address):
        behind = max((found[need] for need in one.needs if need in found), default=0)
        found[one.address] = first[one.address]
        if behind > first[one.address]:
            found[one.address] = max(behind, len(labels) + first[one.address])
    return [
        File(labels[number % len(labels)], number >= len(labels), tuple(mine))
        for number in sorted(set(found.values()) | set(range(len(labels))))
        if (mine := [one for one in pieces if found[one.address] == number])
    ]


def _first_places(
    by_address: Mapping[Address, Piece], apps: Mapping[Address, str], place: Mapping[str, int]
) -> dict[Address, int]:
    """For each object the number of the first file that has a use for it."""
    hanging: dict[Address, list[Address]] = defaultdict(list)
    for one in by_address.values():
        if one.table:
            hanging[one.table].append(one.address)
    found: dict[Address, int] = {}
    for label in sorted(place, key=lambda one: place[one]):
        todo = [address for address, one in apps.items() if one == label]
        while todo:
            address = todo.pop()
            one = by_address[address]
            if address not in found and apps.get(one.table or address, label) == label:
                found[address] = place[label]
                todo += hanging[address]
                todo += [need for need in (*one.needs, *one.calls) if need in by_address]
    return found


def _order_of_apps(pieces: Iterable[Piece], apps: Mapping[Address, str]) -> list[str]:
    """The apps, each behind those that it refers to, and in a circle so that the fewest objects have to wait."""
    weights: dict[str, dict[str, int]] = {label: defaultdict(int) for label in apps.values()}
    for one in pieces:
        if one.table in apps or one.address in apps:
            label = apps[one.table or one.address]
            for other in {apps[need] for need in one.needs if need in apps} - {label}:
                weights[label][other] += 1 if one.kind == "foreign key" else 1000
    found: list[str] = []
    while left := sorted(set(weights) - set(found)):
        reach = {label: _reachable(label, weights, left) for label in left}
        last = [label for label in left if all(label in reach[other] for other in reach[label])]
        found.append(min(last, key=lambda label: (sum(weights[label][other] for other in left), label)))
    return found


def _reachable(start: str, weights: Mapping[str, Mapping[str, int]], left: Collection[str]) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        for other, weight in weights[todo.pop()].items():
            if weight and other in left and other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def _in_order(by_address: Mapping[Address, Piece], there: Collection[Address] = ()) -> Iterator[Piece]:
    """The objects, each behind what it needs of these: what hangs on a table as soon as it can be made.

    Raises PlanError for what needs each other in a circle.
    """
    waiting = {one.address: {need for need in one.needs if need in by_address} for one in by_address.values()}
    for one in by_address.values():
        if one.table and one.table in by_address and one.kind != "sequence":
            waiting[one.address].add(one.table)
    waited_for: dict[Address, list[Address]] = defaultdict(list)
    for address, needs in waiting.items():
        for need in needs:
            waited_for[need].append(address)
    keys = _keys(by_address)
    ready = [(keys[address], address) for address, needs in waiting.items() if not needs]
    heapq.heapify(ready)
    while ready:
        _, address = heapq.heappop(ready)
        del waiting[address]
        yield by_address[address]
        for other in waited_for[address]:
            waiting[other].discard(address)
            if not waiting[other]:
                heapq.heappush(ready, (keys[other], other))
    if waiting:
        names = ", ".join(sorted(f"{by_address[one].kind} {by_address[one].name}" for one in waiting))
        raise PlanError(
            N_(
                "These need each other in a circle: {names}. Nothing was written. Take one of them out of that, or "
                "write this baseline by hand, with pg_dump.",
                names=names,
            )
        )


def _keys(by_address: Mapping[Address, Piece]) -> dict[Address, tuple[object, ...]]:
    """By what is chosen among those that can be made: a table behind those that it refers to."""
    tables = {address: number for number, address in enumerate(_by_references(by_address))}
    ranks = {kind: number for number, kind in enumerate(_RANKS)}
    return {
        address: (
            ranks.get(one.kind, len(ranks)) + 1 if not one.table or one.kind == "sequence" else 0,
            tables.get(address, 0),
            one.kind,
            one.name,
        )
        for address, one in by_address.items()
    }


def _by_references(by_address: Mapping[Address, Piece]) -> list[Address]:
    """The tables, each behind those that its foreign keys refer to, as far as these form no circle."""
    refers: dict[Address, set[Address]] = defaultdict(set)
    for one in by_address.values():
        if one.kind == "foreign key" and one.table:
            refers[one.table] |= one.needs
    names = sorted(((one.name, one.address) for one in by_address.values() if one.kind == "table"), reverse=True)
    found: dict[Address, None] = {}
    seen: set[Address] = set()
    todo = [(address, False) for _, address in names]
    tables = {address: name for name, address in names}
    while todo:
        address, is_done = todo.pop()
        if is_done:
            found[address] = None
        elif address not in seen:
            seen.add(address)
            others = sorted((refers[address] & tables.keys()) - seen, key=lambda one: tables[one], reverse=True)
            todo += [(address, True), *((one, False) for one in others)]
    return list(found)


def statements_of(pieces: Sequence[Piece], there: Collection[Address]) -> list[Statement]:
    """The statements that make `pieces`, where what is `there` is made already."""
    by_address = {one.address: one for one in pieces}
    hanging: dict[Address, list[Piece]] = defaultdict(list)
    for one in _in_order(by_address):
        if one.table and one.inline:
            hanging[one.table].append(one)
    made: dict[Address, int] = dict.fromkeys(there, 0)
    found: list[Statement] = []
    owned = [one for one in pieces if one.kind == "sequence" and one.table]
    for number, one in enumerate(_in_order(by_address), 1):
        if one.address in made:
            continue
        if one.body:
            found += _table(one, hanging[one.address], made, number)
            found += [
                _owned(sequence) for sequence in owned if sequence.table == one.address and sequence.address in made
            ]
            continue
        found += _statements(one, _undo(one, made, by_address))
        made[one.address] = number
        if one in owned and one.table in made:
            found.append(_owned(one))
    return found


def _statements(one: Piece, undo: str) -> Iterator[Statement]:
    first, *rest = one.sql
    yield Statement(first, undo)
    yield from map(Statement, rest)


def _undo(one: Piece, made: Mapping[Address, int], by_address: Mapping[Address, Piece]) -> str:
    """How it is dropped, unless it goes with its table, and that before anything that it needs does."""
    since = made.get(one.table, 0) if one.table else 0
    if not since:
        return one.undo
    others = [need for need in one.needs if need not in by_address or by_address[need].table != one.table]
    return one.undo if any(made.get(need, 0) > since for need in others) else ""


def _owned(sequence: Piece) -> Statement:
    return Statement(f"ALTER SEQUENCE {sequence.name} OWNED BY {sequence.column}")


def _table(one: Piece, hanging: Sequence[Piece], made: dict[Address, int], number: int) -> Iterator[Statement]:
    """A table with what of `hanging` can be made with it, which is `made` with that."""
    assert one.body
    made[one.address] = number
    names = {column.name for column in one.body.columns}
    defaults: dict[str, str] = {}
    constraints: list[str] = []
    after: list[str] = []
    for part in hanging:
        is_inherited = part.kind == "default" and part.column not in names
        if is_inherited or not all(need in made for need in part.needs):
            continue
        made[part.address] = number
        if part.kind == "default":
            defaults[part.column] = part.inline
        else:
            constraints.append(part.inline)
            after += part.sql[1:]
    columns = (column_sql(replace(column, default=defaults.get(column.name))) for column in one.body.columns)
    lines = ",\n    ".join(chain(columns, constraints))
    body = f" (\n    {lines}\n)" if lines else " ()"
    yield Statement(f"{one.body.head}{body}{one.body.tail}", one.undo)
    yield from map(Statement, (*one.body.more, *after))
