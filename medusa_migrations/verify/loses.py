"""Which values a revert loses: those of columns and tables that it makes anew, or that have been another type."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from medusa_migrations.sql.fills import Place, filled
from medusa_migrations.sql.names import folded
from medusa_migrations.sql.tokens import tokens

from .catalog.snapshot import Snapshot, Thing
from .conversions import keeps_values


def loses(before: Snapshot, after_up: Snapshot, after_down: Snapshot, down_sql: str) -> tuple[str, ...]:
    """Name what a revert loses the values of, as `post` or `post.state`, without the schema where that is `public`.

    The snapshots are those before a migration, after its up part and after its down part. A table with another oid is
    lost as a whole, a column with another attnum in the same table, and a column whose type was another meanwhile that
    cannot hold each of its values. What a statement of `down_sql` fills again is not lost; where nothing is known of
    what fills it, "" is given. Raises ScanError for a text that cannot be split into statements.
    """
    lost = [*_tables_lost(before, after_down), *_columns_lost(before, after_up, after_down)]
    again = set(filled(down_sql)) if lost else set()
    return tuple(
        sorted(
            thing.name.removeprefix("public.")
            for thing in lost
            if not again & {(place := _place(thing)), place._replace(schema="")}
        )
    )


def _place(thing: Thing) -> Place:
    return Place(*(folded(token) for token in tokens(thing.name) if token != "."))


def _tables_lost(before: Snapshot, after_down: Snapshot) -> Iterator[Thing]:
    """The tables that are there again with another oid."""
    for thing, oid in before.identity.items():
        if thing.kind == "table" and after_down.identity.get(thing, oid) != oid:
            yield thing


def _columns_lost(before: Snapshot, after_up: Snapshot, after_down: Snapshot) -> Iterator[Thing]:
    """The columns that are there again in the same table, as another one or after having been another type."""
    for thing, number in before.identity.items():
        if thing.kind != "column" or thing not in after_down.identity or _is_same(thing, before, after_up, after_down):
            continue
        table = _table_of(thing.name, before)
        if table is None or table != _table_of(thing.name, after_down) or _is_generated(thing, before):
            continue
        found = _found(table, number, thing, after_up)
        if after_down.identity[thing] != number or (found and not _is_kept(thing, before, found, after_up)):
            yield thing


def _is_same(thing: Thing, before: Snapshot, after_up: Snapshot, after_down: Snapshot) -> bool:
    """Whether a column was never anything else, as most; that is soon told."""
    number = before.identity[thing]
    is_same_column = number == after_up.identity.get(thing) == after_down.identity[thing]
    return is_same_column and before.things[thing] == after_up.things[thing]


def _is_kept(thing: Thing, before: Snapshot, found: Thing, after_up: Snapshot) -> bool:
    """Whether the column can hold its values while its type is another one."""
    old, new = str(_attribute(thing, before, "type")), str(_attribute(found, after_up, "type"))
    labels, others = _labels(old, before), _labels(new, after_up)
    if labels and others:
        return set(labels) <= set(others)
    longest = max(map(len, labels), default=0)
    return keeps_values(f"character varying({longest})" if labels else old, new)


def _table_of(column: str, snapshot: Snapshot) -> int | None:
    """The oid of the table that has a column of this name, None for what holds no rows, such as a view."""
    return snapshot.identity.get(Thing("table", column[: -len(tokens(column)[-1]) - 1]))


def _found(table: int, number: int, column: Thing, snapshot: Snapshot) -> Thing | None:
    """The column with this number of the table with this oid, which may both have other names meanwhile."""
    if snapshot.identity.get(column) == number and _table_of(column.name, snapshot) == table:
        return column
    names = [thing.name for thing, oid in snapshot.identity.items() if thing.kind == "table" and oid == table]
    for thing, other in snapshot.identity.items():
        if thing.kind == "column" and other == number and thing.name.startswith(f"{''.join(names)}."):
            return thing
    return None


def _attribute(thing: Thing, snapshot: Snapshot, name: str) -> object:
    attributes: Mapping[str, object] = json.loads(snapshot.things.get(thing, "{}"))
    return attributes.get(name)


def _labels(type_: str, snapshot: Snapshot) -> list[str]:
    """The labels of an enum, none of another type."""
    found = _attribute(Thing("type", type_), snapshot, "labels")
    return found if isinstance(found, list) else []


def _is_generated(thing: Thing, snapshot: Snapshot) -> bool:
    """Whether the values come out of other columns, and so come back by themselves."""
    return bool(_attribute(thing, snapshot, "generated"))
