"""What a baseline is made of, as values: each object of the catalog with the SQL that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from medusa_migrations.generate.tables import Column


class Address(NamedTuple):
    """An object by its catalog, such as `pg_class`, and its OID there."""

    catalog: str
    oid: int


class Body(NamedTuple):
    """A table that is made: `head` up to its name, the columns without their defaults, and what follows the brackets.

    `more` are the statements behind it.
    """

    head: str
    columns: tuple[Column, ...]
    tail: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """An object: its `kind` in one word, and its name in SQL.

    `needs` are the objects that have to be there before, and `calls` those that it may come to need when it is used.
    `sql` makes it, and `undo` drops it again. What hangs on a `table` goes with that, and may be part of CREATE TABLE
    if it has the SQL for that, `inline`; a default is that of its `column`. A table has a `body` in place of `sql`.
    """

    address: Address
    kind: str
    name: str
    needs: frozenset[Address] = frozenset()
    calls: frozenset[Address] = frozenset()
    sql: tuple[str, ...] = ()
    undo: str = ""
    table: Address | None = None
    inline: str = ""
    column: str = ""
    body: Body | None = None


class Statement(NamedTuple):
    """A statement of an up part, and the one that undoes it, "" where something else does."""

    sql: str
    undo: str = ""
