"""Tables as values, which both sides of a comparison are read into."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from medusa_migrations.sql.names import literal, quoted


@dataclass(frozen=True, slots=True)
class Counter:
    """A sequence that belongs to a column; an identity's has no name here, as PostgreSQL gives it.

    `options` are those of CREATE SEQUENCE besides the type, as far as they are not the usual ones. `known_as` is the
    name of an identity's too, which is not compared.
    """

    name: str
    type: str
    options: str = ""
    known_as: str = field(default="", compare=False)

    @property
    def next_value(self) -> str:
        """SQL for its next number."""
        return f"nextval({literal(quoted(self.name))}::regclass)"


@dataclass(frozen=True, slots=True)
class Column:
    """A column; expressions are SQL as PostgreSQL prints it.

    `identity` is "" for none, "a" for ALWAYS, "d" for BY DEFAULT. `generated` is the expression of a generated column,
    which is stored unless `virtual`. `collation` is quoted, and None where it is the type's own. `sequence` is an
    identity's, or the one that the column owns. It has its default from that if it is a serial one, or had it before.
    """

    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    identity: str = ""
    generated: str | None = None
    virtual: bool = False
    collation: str | None = None
    comment: str | None = None
    sequence: Counter | None = None

    @property
    def owned_sequence(self) -> Counter | None:
        """The sequence that is not an identity's, if it has one."""
        return None if self.identity else self.sequence

    @property
    def serial(self) -> bool:
        """Whether it counts up by a sequence that it owns."""
        return self.owned_sequence is not None and self.counts_up

    @property
    def counts_up(self) -> bool:
        """Whether it has its values from a sequence, be that its own or not."""
        return bool(self.identity) or (self.default or "").startswith("nextval(")

    @property
    def fills_itself(self) -> bool:
        """Whether a new row, and an old one when the column is added, has a value without being given one."""
        return self.default is not None or self.generated is not None or bool(self.identity)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint; `kind` is as in pg_constraint: p, u, c, f or x. `definition` has neither its name nor NOT VALID.

    `columns` are those that it is on. Of a foreign key, `ref_table` and `ref_columns` are what it refers to, and
    `is_elsewhere` says that only the name of a schema finds that table.
    """

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...] = ()
    ref_table: str | None = None
    ref_columns: tuple[str, ...] = ()
    valid: bool = True
    comment: str | None = None
    is_elsewhere: bool = False

    @property
    def target(self) -> str:
        """What a foreign key refers to, as `table.column`, or with all of its columns."""
        return ", ".join(f"{self.ref_table}.{column}" for column in self.ref_columns)

    @property
    def body(self) -> tuple[object, ...]:
        """What two constraints must have in common to be the same: all but the name, `valid` and the comment."""
        return self.kind, self.definition

    @property
    def uses(self) -> tuple[str, ...]:
        """The columns that it goes with."""
        return self.columns


@dataclass(frozen=True, slots=True)
class Index:
    """An index that belongs to no constraint; `definition` is what follows the table's name in CREATE INDEX.

    `columns` are those that it is on as such; `uses` those of its expressions and its condition too: it goes with each.
    """

    name: str
    unique: bool
    definition: str
    columns: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    valid: bool = True
    comment: str | None = None

    @property
    def body(self) -> tuple[object, ...]:
        """What two indexes must have in common to be the same: all but the name, `valid` and the comment."""
        return self.unique, self.definition


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its columns are in their order, and columns, constraints and indexes are by name.

    `tablespace` is None where it is the database's default. `partitioned` is what follows PARTITION BY, or None.
    """

    name: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    constraints: Mapping[str, Constraint] = field(default_factory=dict)
    indexes: Mapping[str, Index] = field(default_factory=dict)
    comment: str | None = None
    tablespace: str | None = None
    partitioned: str | None = None

    def is_key(self, column: str) -> bool:
        """Whether rows must differ in a column, or refer to others by it, alone or together with other columns."""
        return any(one.kind in "pufx" and column in one.columns for one in self.constraints.values()) or any(
            one.unique and column in one.columns for one in self.indexes.values()
        )

    def is_unique(self, column: str) -> bool:
        """Whether rows must differ in a column alone."""
        return any(one.kind in "pux" and one.columns == (column,) for one in self.constraints.values()) or any(
            one.unique and one.columns == (column,) for one in self.indexes.values()
        )

    def only(self, names: Collection[str]) -> Table:
        """The table with the columns `names` and its primary key, and the constraints and indexes on these alone."""
        keys = [key for key in self.constraints.values() if key.kind == "p"]
        kept = {*names, *(column for key in keys for column in key.columns)}
        return replace(
            self,
            columns={name: column for name, column in self.columns.items() if name in kept},
            constraints={name: one for name, one in self.constraints.items() if one.columns and kept >= {*one.columns}},
            indexes={name: one for name, one in self.indexes.items() if one.columns and kept >= {*one.columns}},
            comment=None,
        )


Tables = Mapping[str, Table]


def all_names(*schemas: Tables) -> set[str]:
    """The names of all their constraints and indexes."""
    return {name for tables in schemas for table in tables.values() for name in (*table.constraints, *table.indexes)}
