"""The safe ways to have a table written anew."""

from __future__ import annotations

import re
from collections.abc import Sequence

from medusa_migrations.lint.facts import Column, ColumnChange, Facts, TableFacts

from .common import alone, declared, whole_table
from .pieces import (
    FILL,
    THEN,
    THIS,
    alter,
    backfill,
    checked_later,
    in_place_of_value,
    in_transaction,
    later,
    made_name,
    not_null,
    part,
    schema_of,
    steps,
)


def rewrite(table: TableFacts, facts: Facts, sql: str) -> str:
    """For a statement that writes a table anew."""
    if table.kind == "materialized view":
        return _refresh(table)
    table = whole_table(table, facts)
    if retyped := table.changed("retyped"):
        return "\n\n".join(_retype(table, change) for change in retyped)
    added = [_added(table, change.column, facts) for change in table.changed("added")]
    added = [text for text in added if text]
    if added:
        return "\n\n".join(added)
    why = "PostgreSQL has no other way"
    if table.is_moved or "CLUSTER" in sql.upper():
        why = "The extension pg_repack does it beside the work of others; without it"
    return alone(sql, why)


def _refresh(table: TableFacts) -> str:
    return (
        "-- It needs a unique index over plain columns, without WHERE. If it has none, make it first, of the\n"
        f"-- columns that tell its rows apart: CREATE UNIQUE INDEX ON {table.name} (…);\n"
        f"{in_transaction(f'REFRESH MATERIALIZED VIEW CONCURRENTLY {table.name}')}"
    )


def _added(table: TableFacts, column: Column, facts: Facts) -> str:
    """For a column that needs a value of its own in each row."""
    if column.is_generated:
        return _generated(table, column, facts)
    if column.checks:
        return _of_domain(table, column)
    if column.is_identity or column.default.startswith("nextval("):
        return _numbered(table, column)
    if column.default:
        nulls = not_null(table.name, [column.name] if column.is_not_null else [])
        return _filled(table, column, column.default, [], nulls)
    return ""


def _filled(table: TableFacts, column: Column, value: str, first: Sequence[str], last: Sequence[str]) -> str:
    """A column without a value, then one for new rows, then for the old ones."""
    name = table.name
    begin = in_transaction(
        alter(name, f"ADD COLUMN {column.name} {column.type}"),
        *first,
        alter(name, f"ALTER COLUMN {column.name} SET DEFAULT {value}"),
    )
    texts = [(THIS, begin), (FILL, backfill(name, f"{column.name} = {value}", f"{column.name} IS NULL"))]
    return steps(*texts, *([(THEN, part(*last))] if last else []))


def _numbered(table: TableFacts, column: Column) -> str:
    sequence = made_name(table.name, column.name, "seq")
    schema = schema_of(table.name)
    sequence = f"{schema}.{sequence}" if schema else sequence
    value = "nextval('" + sequence.replace("'", "''") + "')"
    first = [f"CREATE SEQUENCE {sequence} OWNED BY {table.name}.{column.name}"]
    return _filled(table, column, value, first, not_null(table.name, [column.name]))


def _of_domain(table: TableFacts, column: Column) -> str:
    """The condition of the domain as one of the table."""
    adds = alter(table.name, f"ADD COLUMN {declared(column, column.base_type)}")
    check = in_place_of_value(column.checks, column.name)
    return part(adds, *checked_later(table.name, made_name(table.name, column.name, "check"), check))


def _generated(table: TableFacts, column: Column, facts: Facts) -> str:
    name, expression = table.name, column.default
    if facts.major >= 18:
        virtual = f"ADD COLUMN {column.name} {column.type} GENERATED ALWAYS AS ({expression}) VIRTUAL"
        return "-- Worked out when it is read, and so not written.\n" + in_transaction(alter(name, virtual))
    function = made_name(name, "set", column.name)
    return steps(
        (
            f"{THIS}: a column that a trigger sets",
            in_transaction(
                alter(name, f"ADD COLUMN {column.name} {column.type}"),
                *_trigger(name, function, f"NEW.{column.name} := (SELECT {expression} FROM (SELECT NEW.*) AS written)"),
            ),
        ),
        (FILL, backfill(name, f"{column.name} = {expression}", f"{column.name} IS NULL")),
    )


def _retype(table: TableFacts, change: ColumnChange) -> str:
    """A second column beside the first, kept in step until the code uses it alone."""
    length = _LENGTH.fullmatch(change.column.type)
    if length:
        return _shorter(table, change, length[1])
    name, old, type_ = table.name, change.name, change.column.type
    new, aside = made_name(old, "new"), made_name(old, "old")
    function = made_name(name, "sync", old)
    value = f"{old}::{type_}"
    optional = [alter(name, f"ALTER COLUMN {old} DROP NOT NULL")] if change.column.is_not_null else []
    nulls = not_null(name, [new] if change.column.is_not_null else [])
    return steps(
        (
            f"{THIS}: a second column, which a trigger keeps in step",
            in_transaction(
                alter(name, f"ADD COLUMN {new} {type_}"), *_trigger(name, function, f"NEW.{new} := NEW.{value}")
            ),
        ),
        (FILL, backfill(name, f"{new} = {value}", f"{new} IS NULL AND {old} IS NOT NULL")),
        *([(f"{THEN}; the default, the indexes and the constraints of {old} here too", part(*nulls))] if nulls else []),
        (
            f"{THEN}, once {new} has the default, the indexes and the constraints of {old}",
            in_transaction(
                f"DROP TRIGGER {function} ON {name}",
                f"DROP FUNCTION {function}()",
                *optional,
                alter(name, f"RENAME COLUMN {old} TO {aside}"),
                alter(name, f"RENAME COLUMN {new} TO {old}"),
            ),
        ),
        ("When it has proved itself", later(in_transaction(alter(name, f"DROP COLUMN {aside}")))),
    )


# A type that differs from text by its length alone.
_LENGTH = re.compile(r"character varying\(([0-9]+)\)")


def _shorter(table: TableFacts, change: ColumnChange, length: str) -> str:
    """A condition instead of a type, which has to look at each value too."""
    name = made_name(table.name, change.name, "length")
    checks = checked_later(table.name, name, f"CHECK (char_length({change.name}::text) <= {length})")
    return f"-- The type may stay as it is, and a CHECK say how long a value may be:\n{part(*checks)}"


def _trigger(table: str, name: str, body: str) -> tuple[str, str]:
    """The statements that make a trigger which sets a column."""
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN {body}; RETURN NEW; END $$",
        f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table}\nFOR EACH ROW EXECUTE FUNCTION {name}()",
    )


def vacuum(names: Sequence[str]) -> str:
    """For VACUUM FULL."""
    tables = f" {', '.join(names)}" if names else ""
    return (
        "-- This makes the space fit for new rows, and locks nobody out. To give it back to the disk, use pg_repack.\n"
        + part(f"VACUUM (ANALYZE){tables}")
    )
