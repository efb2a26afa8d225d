"""What one statement has done to the tables that were there before its migration, as values.

Names are as SQL writes them, in quotes where they need those, without the schema where that is `public`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

# What became of a column; `required` is a new one that each INSERT has to give when the migration ends.
ColumnEvent = Literal["added", "dropped", "renamed", "retyped", "set not null", "required"]

RelationKind = Literal["table", "partitioned", "materialized view", "view", "foreign table"]


class Column(NamedTuple):
    """A column as the catalog has it; `default` is SQL, `base_type` and `checks` are those of a domain's."""

    name: str
    type: str
    is_not_null: bool = False
    has_default: bool = False
    is_filled: bool = False  # rows that are there have the default, though none was written
    is_dropped: bool = False
    is_identity: bool = False
    is_generated: bool = False
    default: str = ""
    base_type: str = ""
    checks: str = ""

    @property
    def is_required(self) -> bool:
        """Whether an INSERT that does not name it fails."""
        return self.is_not_null and not self.has_default and not self.is_dropped


class ColumnChange(NamedTuple):
    """`name` is that before the statement; of a column that is dropped, `column` is what it was."""

    event: ColumnEvent
    name: str
    column: Column


class Constraint(NamedTuple):
    """A constraint that holds for all rows since this statement; `kind` is pg_constraint's contype."""

    name: str
    kind: str
    definition: str
    other: str = ""  # the table that a foreign key refers to
    is_old: bool = False  # it was there, NOT VALID


class Index(NamedTuple):
    """An index that is new, or has a new file; `is_built` unless it took over the file of another, or has none."""

    name: str
    definition: str
    is_built: bool = True
    is_new: bool = True


class TableFacts(NamedTuple):
    """What a statement has done to one relation.

    `taken` is the strongest lock that this statement took anew, `held` that of the statements before it in the same
    transaction. `root` is the partitioned table that this one is a partition of, at the top.
    """

    name: str
    kind: RelationKind = "table"
    root: str = ""
    taken: str = ""
    held: str = ""
    is_read: bool = False  # as a whole, in order
    is_searched: bool = False  # by an index
    is_referred_to: bool = False  # by a foreign key that is new, of a table that is new
    is_rewritten: bool = False  # it has a new file
    is_attached: bool = False  # it has become a partition
    bounds: str = ""  # then, the condition that its rows have to meet
    is_gone: bool = False
    new_name: str = ""  # if it was renamed
    is_unlogged: bool | None = None  # if that has changed
    is_moved: bool = False  # into another tablespace
    changes: tuple[ColumnChange, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    indexes: tuple[Index, ...] = ()

    def changed(self, *events: ColumnEvent) -> tuple[ColumnChange, ...]:
        """The changes of these kinds."""
        return tuple(change for change in self.changes if change.event in events)


class Facts(NamedTuple):
    """What one statement has done; `number` counts the statements of a part, from 0."""

    number: int = 0
    tables: tuple[TableFacts, ...] = ()
    major: int = 18  # of the server
