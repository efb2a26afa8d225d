"""A migration on made-up rows, for what fails only where there are some."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from medusa_migrations.files import dist
from medusa_migrations.migration import Direction, Migration
from medusa_migrations.results import Difference
from medusa_migrations.run.failure import StatementFailed
from medusa_migrations.sql.names import folded
from medusa_migrations.sql.tokens import tokens
from medusa_migrations.verify.catalog.difference import differences
from medusa_migrations.verify.catalog.snapshot import Snapshot, Thing
from medusa_migrations.verify.stand import PartFailed, Stand

from . import certain
from .fill import empty, fill


class FailedOnRows(NamedTuple):
    """A part that works on empty tables, and not on those rows."""

    direction: Direction
    failed: StatementFailed
    sql: str  # of the part, "" if that is not known


def is_certain(found: FailedOnRows) -> bool:
    """Whether that is a fault, whatever rows there are."""
    return certain.is_certain(found.failed.error, found.sql)


class Tried(NamedTuple):
    """What came of it: a failure, or None; and why tables could not be filled, by name."""

    failed: FailedOnRows | None
    unfilled: Mapping[str, str]


def try_on_rows(stand: Stand, migration: Migration, before: Snapshot, after_up: Snapshot) -> Tried:
    """Run up, and down if there is one, each on tables with rows, from the state `before` on, which is there now.

    `after_up` is the catalog behind the up part. Afterwards, unless there is no down part, the state is that before.
    """
    parts = [Direction.UP, Direction.DOWN] if migration.down else [Direction.UP]
    tables = sorted(touched(before, after_up, _sql(migration, *parts)))
    unfilled: dict[str, str] = {}
    for direction in parts:
        filled = fill(stand.session(), tables)
        unfilled |= filled.unfilled
        try:
            stand.run(migration, direction)
        except PartFailed as error:
            failed = stand.located(error.failed, migration.part(direction))
            stand.go_on(migration, applied=False)
            return Tried(FailedOnRows(direction, failed, _sql(migration, direction)), unfilled)
        if not empty(stand.session(), filled):
            stand.spoil()
    return Tried(None, unfilled)


def touched(before: Snapshot, after_up: Snapshot, sql: str) -> Iterator[str]:
    """The tables of `before` that the up part changes, or that `sql` names."""
    named = {folded(token) for token in tokens(sql)}
    found = differences(before, after_up)
    changed = {one.object for one in found} | {_table_of(one, before, after_up) for one in found if one.kind == "index"}
    for thing in before.things:
        if thing.kind == "table":
            own = folded(tokens(thing.name)[-1])
            if own in named or any(name == thing.name or name.startswith(f"{thing.name}.") for name in changed):
                yield thing.name


def _table_of(index: Difference, *snapshots: Snapshot) -> str:
    texts = [snapshot.things.get(Thing("index", index.object)) for snapshot in snapshots]
    return str(json.loads(next(filter(None, texts)))["table"])


def _sql(migration: Migration, *directions: Direction) -> str:
    """The SQL of these parts; that of one in Python is not known."""
    if migration.is_python:
        return ""
    text = dist.read_text(migration)
    parts = [part for direction in directions if (part := migration.part(direction))]
    return ";\n".join(part.sql(text) for part in parts)
