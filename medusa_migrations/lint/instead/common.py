"""What several of the safe ways are made of."""

from __future__ import annotations

from medusa_migrations.lint.facts import Column, Facts, TableFacts
from medusa_migrations.sql.tokens import tokens

from .pieces import alter, checked_later, in_transaction, made_name


def whole_table(table: TableFacts, facts: Facts) -> TableFacts:
    """The partitioned table, where the statement has changed that as well as its partitions."""
    root = next((one for one in facts.tables if one.name == table.root), None)
    return root if root and (root.changes or root.constraints) else table


def declared(column: Column, type_: str = "") -> str:
    """A column as ADD COLUMN takes it, without NOT NULL and checks."""
    default = f" DEFAULT {column.default}" if column.default and not column.is_generated else ""
    return f"{column.name} {type_ or column.type}{default}"


def attached(table: TableFacts, sql: str) -> list[str]:
    """The rows are known to fit where a CHECK says what the bounds say."""
    name = made_name(table.name, "fits")
    fits = checked_later(table.name, name, f"CHECK ({table.bounds})")
    return [*fits, sql, alter(table.name, f"DROP CONSTRAINT {name}")]


def alone(sql: str, why: str) -> str:
    """For what PostgreSQL has no other way."""
    if not sql or tokens(sql)[0].upper() in {"DO", "CALL", "SELECT"}:
        return "-- Write what it executes as statements, in a part with transaction:false, to see how each can go."
    when = "Let it be a migration of its own, for an hour in which few use the table:"
    return f"-- {why}.\n-- {when}\n{in_transaction(sql)}"
