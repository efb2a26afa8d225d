"""The order in which code and tables change, so that the one can live with the other."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.lint.facts import Column, ColumnChange, TableFacts
from medusa_migrations.sql.names import folded
from medusa_migrations.sql.tokens import tokens

from .pieces import FILL, THIS, alter, backfill, in_transaction, later, not_null, part, schema_of, steps


def required_column(table: TableFacts, column: Column) -> str:
    """For a new column that each row should have and none has."""
    adds = alter(table.name, f"ADD COLUMN {column.name} {column.type}")
    nulls = not_null(table.name, [column.name])
    found = steps(
        (THIS, in_transaction(adds)),
        (FILL, backfill(table.name, f"{column.name} = …", f"{column.name} IS NULL")),
        (
            "When the new code is live and sets it",
            later(part(*nulls)),
        ),
    )
    return f"{found}\n\n-- Or, where one value does for all: {adds} NOT NULL DEFAULT …;"


def insert_breaks(table: TableFacts, column: Column) -> str:
    """For a new column that the code before this release does not know of."""
    if column.is_filled:
        takes = later(in_transaction(alter(table.name, f"ALTER COLUMN {column.name} DROP DEFAULT")))
        return f"-- Leave the default here, and take it away in a migration for when the new code is live:\n{takes}"
    nulls = later(part(*not_null(table.name, [column.name])))
    return f"-- Leave it without NOT NULL here, and do that in a migration for when the new code is live:\n{nulls}"


def drop_column(table: TableFacts, column: Column) -> str:
    """For a column that is dropped."""
    name = table.name
    drop = later(in_transaction(alter(name, f"DROP COLUMN {column.name}")))
    if not column.is_required:
        return f"-- In a migration of its own, for when no code that runs names it any more:\n{drop}"
    null = in_transaction(alter(name, f"ALTER COLUMN {column.name} DROP NOT NULL"))
    return steps(
        (f"{THIS}, so that new code need not set it", null), ("When no code that runs names it any more", drop)
    )


def rename_column(table: TableFacts, change: ColumnChange) -> str:
    """For a column that is renamed."""
    field = folded(tokens(change.name)[-1])
    return (
        "-- Leave the name in the database, and give the model's field the new one:\n"
        f'-- {folded(tokens(change.column.name)[-1])} = models.…(db_column="{field}")'
    )


def drop_table(tables: Sequence[TableFacts]) -> str:
    """For what is dropped."""
    kinds = {"view": "VIEW", "materialized view": "MATERIALIZED VIEW", "foreign table": "FOREIGN TABLE"}
    # What depends on others was made behind them, and goes before.
    drops = [f"DROP {kinds.get(table.kind, 'TABLE')} {table.name}" for table in reversed(tables)]
    return (
        f"-- In a migration of its own, for when no code that runs uses it any more:\n{later(in_transaction(*drops))}"
    )


def rename_table(table: TableFacts) -> str:
    """For what is renamed: a view stands for the name until nobody uses it."""
    old, new = table.name, table.new_name
    if table.kind == "view":
        both = in_transaction(f"CREATE VIEW {new} AS SELECT * FROM {old}")
        return f"-- Both names, until no code that runs uses the old one:\n{both}"
    schema, renamed = schema_of(new), tokens(new)[-1]
    renames = alter(old, f"SET SCHEMA {schema or 'public'}" if schema != schema_of(old) else f"RENAME TO {renamed}")
    return steps(
        (
            f"{THIS}: code that runs goes on with a view, which takes its writes too",
            in_transaction(renames, f"CREATE VIEW {old} AS SELECT * FROM {new}"),
        ),
        ("When no code that runs uses the old name any more", later(in_transaction(f"DROP VIEW {old}"))),
    )
