"""The migration API: what `up(schema)` and `down(schema)` are handed.

A table is named by a string, `table` or `schema.table`; a column is a field of Django's, a key a constraint or an index
of Django's. Nothing needs the project's models, so a migration goes on working when they change. Names of constraints
and indexes are Django's, unless they are given.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from django.db import models

from .constraint_operations import (
    ACTIONS,
    CreateConstraint,
    CreateForeignKey,
    CreateIndex,
    CreatePrimaryKey,
    DropConstraint,
    DropIndex,
    DropPrimaryKey,
)
from .fields import (
    Field,
    Fields,
    check_constraint,
    constraint_name,
    foreign_key_name,
    named_index,
    refuse_columns,
    refuse_composite_key,
    refuse_text,
)
from .given_sql import refuse_several
from .inspection import TableInfo
from .operations import Backfill, Operation
from .table_operations import (
    AddColumn,
    AlterColumn,
    ClearTable,
    CommentTable,
    CreateSchema,
    CreateTable,
    CreateView,
    Drop,
    DropColumn,
    RenameColumn,
    RenameTable,
)

if TYPE_CHECKING:
    from django.contrib.postgres.constraints import ExclusionConstraint

ResultRow = tuple[Any, ...]
Params = Sequence[Any] | Mapping[str, Any]


class Schema(ABC):
    """The database of a migration.

    Whatever PostgreSQL refuses is raised as django.db.Error. In a migration with `transaction = False` each call is a
    transaction of its own, but for `query`, which is sent as it is.
    """

    # SQL

    @abstractmethod
    def query(self, sql: str, params: Params | None = None, reverse_sql: str | None = None) -> list[ResultRow]:
        """Send SQL, and give the rows of its last statement, an empty list if that has none.

        `params` take the places of `%s` or `%(name)s`; without them `%` stands for itself. `reverse_sql` is what
        `reverse` sends to undo it; empty if there is nothing to undo. Raises ValueError for what controls transactions.
        """

    @abstractmethod
    def stream(self, sql: str, params: Params | None = None) -> Iterator[ResultRow]:
        """Send a query, and give its rows one by one, of which some thousands at a time are in memory.

        Other calls may be made meanwhile. Raises ValueError as `query` does.
        """

    @abstractmethod
    def copy_from(self, table: str, rows: Iterable[Sequence[Any]], columns: Sequence[str] = ()) -> int:
        """Add `rows` to a table with COPY, the fastest way, and give their number.

        `rows` may be a generator, of which no row is kept. `columns` names the columns that a row has values for, by
        default all of the table in their order.
        Values are None, bool, int, float, Decimal, str, bytes, UUID, dates and times, and lists and dicts as JSON.
        """

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """A context manager: a transaction, or inside one a savepoint, which an exception that leaves it undoes."""

    def backfill(
        self,
        table: str,
        *,
        set: str | Mapping[str, Any],
        where: str | models.Q | None = None,
        params: Mapping[str, Any] | None = None,
        batch: int = 10_000,
        pause: float = 0,
    ) -> int:
        """Change many rows, at most `batch` at a time by the primary key, and give the number of changed ones.

        `set` and `where` are SQL, with `params` for `%(name)s`, or what Django's `update()` and `filter()` take. Each
        batch is committed together with the key that it reached, so that a run that ended early goes on there. A batch
        that takes over half a second is followed by a smaller one; `pause` is in seconds, between two. At the end rows
        that match `where` again, or were added behind the key, are changed too, provided that changed rows do not
        match it any more. Needs `transaction = False`, and raises ValueError elsewhere, and for a table without a
        primary key.
        """
        return self._backfill(Backfill(table=table, set=set, where=where, params=params, batch=batch, pause=pause))

    # Tables

    def create_table(
        self,
        name: str,
        columns: Fields,
        constraints: Sequence[models.BaseConstraint] = (),
        indexes: Sequence[models.Index] = (),
        if_not_exists: bool = False,
    ) -> None:
        """Create a table with `columns`, fields by their names."""
        refuse_columns(name, columns)
        self._do(
            CreateTable(
                table=name, columns=columns, constraints=constraints, indexes=indexes, if_not_exists=if_not_exists
            )
        )

    def drop_table(self, name: str, if_exists: bool = False) -> None:
        """Drop a table. What depends on it is not dropped along, but refused by PostgreSQL."""
        self._do(Drop(call="drop_table", kind="TABLE", name=name, if_exists=if_exists))

    def rename_table(self, old: str, new: str) -> None:
        """Rename a table; `new` is without a schema."""
        if "." in new:
            raise ValueError(f"a table stays in its schema: {new!r} cannot have one")
        self._do(RenameTable(old=old, new=new))

    def comment_table(self, name: str, text: str, old: str = "") -> None:
        """Set a table's comment, or remove it with an empty one; `old` is what it was, for `reverse`."""
        self._do(CommentTable(table=name, text=text, old=old))

    def clear_table(self, name: str) -> None:
        """Remove all rows (TRUNCATE)."""
        self._do(ClearTable(table=name))

    # Columns

    def add_column(self, table: str, name: str, field: Field) -> None:
        """Add a column. Rows that are there get the field's default."""
        refuse_columns(table, {name: field})
        refuse_composite_key(table, field)
        self._do(AddColumn(table=table, column=name, field=field))

    def rename_column(self, table: str, old: str, new: str) -> None:
        """Rename a column."""
        self._do(RenameColumn(table=table, old=old, new=new))

    def alter_column(self, table: str, name: str, old: Field, new: Field) -> None:
        """Change a column from the field `old`, which it is, to `new`."""
        for field in (old, new):
            refuse_columns(table, {name: field})
            refuse_composite_key(table, field)
        self._do(AlterColumn(table=table, column=name, old=old, new=new))

    def drop_column(self, table: str, name: str, if_exists: bool = False) -> None:
        """Drop a column, with its indexes and constraints. What else depends on it is refused by PostgreSQL."""
        self._do(DropColumn(table=table, column=name, if_exists=if_exists))

    # Keys and constraints

    def create_primary_key(self, table: str, columns: Sequence[str], name: str | None = None) -> None:
        """Make `columns`, which are NOT NULL, the primary key."""
        refuse_text(columns)
        name = name or constraint_name(table, columns, "_pk")
        self._do(CreatePrimaryKey(table=table, columns=columns, name=name))

    def drop_primary_key(self, table: str, if_exists: bool = False) -> None:
        """Drop a table's primary key, whatever its name. Raises LookupError if there is none, unless `if_exists`."""
        self._do(DropPrimaryKey(table=table, if_exists=if_exists))

    def create_foreign_key(
        self,
        table: str,
        column: str,
        to_table: str,
        to_column: str = "id",
        on_delete: str | None = None,
        deferrable: models.Deferrable | None = models.Deferrable.DEFERRED,
        name: str | None = None,
    ) -> None:
        """Make a column refer to another table's.

        `on_delete` is what PostgreSQL does: CASCADE, SET NULL, SET DEFAULT, RESTRICT or NO ACTION, its default. As in
        Django the key is looked at when the transaction ends; `deferrable=None` has it looked at at once. It makes no
        index: that is `db_index=True` of the field, or `create_index`.
        """
        if on_delete is not None and on_delete.upper() not in ACTIONS:
            raise ValueError(f"on_delete is {on_delete!r}; PostgreSQL knows {', '.join(ACTIONS)}")
        self._do(
            CreateForeignKey(
                table=table,
                column=column,
                to_table=to_table,
                to_column=to_column,
                on_delete=on_delete and on_delete.upper(),
                deferrable=deferrable,
                name=name or foreign_key_name(table, column, to_table, to_column),
            )
        )

    def drop_foreign_key(self, table: str, name: str, if_exists: bool = False) -> None:
        """Drop a foreign key. Raises ValueError if the constraint `name` is of another kind."""
        self._do(DropConstraint(call="drop_foreign_key", contype="f", table=table, name=name, if_exists=if_exists))

    def create_index(self, table: str, index: models.Index) -> None:
        """Create an index; while that lasts the table can be read only. For CONCURRENTLY use an SQL file."""
        self._do(CreateIndex(table=table, index=named_index(table, index)))

    def drop_index(self, table: str, name: str, if_exists: bool = False) -> None:
        """Drop an index. Raises LookupError if it is of another table."""
        self._do(DropIndex(table=table, name=name, if_exists=if_exists))

    def create_unique_constraint(
        self,
        table: str,
        columns: Sequence[str],
        name: str | None = None,
        *,
        condition: models.Q | None = None,
        deferrable: models.Deferrable | None = None,
        include: Sequence[str] = (),
        nulls_distinct: bool | None = None,
    ) -> None:
        """Make the values of `columns` unique. The other options are those of Django's UniqueConstraint."""
        refuse_text(columns)
        constraint = models.UniqueConstraint(
            fields=columns,
            name=name or constraint_name(table, columns, "_uniq"),
            condition=condition,
            deferrable=deferrable,
            include=include or None,
            nulls_distinct=nulls_distinct,
        )
        self._do(CreateConstraint(call="create_unique_constraint", contype="u", table=table, constraint=constraint))

    def drop_unique_constraint(self, table: str, name: str, if_exists: bool = False) -> None:
        """Drop a unique constraint. Raises ValueError if the constraint `name` is of another kind."""
        self._do(
            DropConstraint(call="drop_unique_constraint", contype="u", table=table, name=name, if_exists=if_exists)
        )

    def create_check_constraint(self, table: str, condition: models.Q | str, name: str) -> None:
        """Have every row fulfil `condition`, which is a Q or SQL."""
        if isinstance(condition, str):
            refuse_several("create_check_constraint", condition)
        self._do(
            CreateConstraint(
                call="create_check_constraint", contype="c", table=table, constraint=check_constraint(condition, name)
            )
        )

    def drop_check_constraint(self, table: str, name: str, if_exists: bool = False) -> None:
        """Drop a check. Raises ValueError if the constraint `name` is of another kind."""
        self._do(DropConstraint(call="drop_check_constraint", contype="c", table=table, name=name, if_exists=if_exists))

    def create_exclusion_constraint(self, table: str, constraint: ExclusionConstraint) -> None:
        """Add an exclusion constraint. It is django.contrib.postgres's, an app that need not be installed."""
        self._do(CreateConstraint(call="create_exclusion_constraint", contype="x", table=table, constraint=constraint))

    def drop_exclusion_constraint(self, table: str, name: str, if_exists: bool = False) -> None:
        """Drop an exclusion constraint. Raises ValueError if the constraint `name` is of another kind."""
        self._do(
            DropConstraint(call="drop_exclusion_constraint", contype="x", table=table, name=name, if_exists=if_exists)
        )

    # Views and schemas

    def create_view(self, name: str, sql: str) -> None:
        """Create a view whose query is `sql`."""
        refuse_several("create_view", sql)
        self._do(CreateView(name=name, sql=sql))

    def drop_view(self, name: str, if_exists: bool = False) -> None:
        """Drop a view. What depends on it is not dropped along, but refused by PostgreSQL."""
        self._do(Drop(call="drop_view", kind="VIEW", name=name, if_exists=if_exists))

    def create_schema(self, name: str) -> None:
        """Create a schema."""
        self._do(CreateSchema(name=name))

    def drop_schema(self, name: str, if_exists: bool = False) -> None:
        """Drop a schema that is empty."""
        self._do(Drop(call="drop_schema", kind="SCHEMA", name=name, if_exists=if_exists))

    # Looking

    @abstractmethod
    def has_table(self, name: str) -> bool:
        """Whether there is a table of that name, an ordinary, partitioned or foreign one."""

    @abstractmethod
    def has_column(self, table: str, name: str) -> bool:
        """Whether the table has that column; False if there is no such table."""

    @abstractmethod
    def has_view(self, name: str) -> bool:
        """Whether there is a view of that name, materialized or not."""

    @abstractmethod
    def has_schema(self, name: str) -> bool:
        """Whether there is a schema of that name."""

    @abstractmethod
    def table(self, name: str) -> TableInfo:
        """The columns, primary key, constraints and indexes of a table, each as the catalog has it.

        Raises LookupError if there is no such table.
        """

    @abstractmethod
    def tables(self, schema: str | None = None) -> list[str]:
        """The names of the tables in `schema`, by default of those found without a schema's name, sorted."""

    # What becomes of a call

    @abstractmethod
    def _backfill(self, asked: Backfill) -> int:
        """Carry out or write down a backfill, and give the number of changed rows."""

    @abstractmethod
    def _do(self, operation: Operation) -> None:
        """Carry out or write down an operation that gives nothing back."""
