"""Judges what the code that runs cannot live with: a question of the order of release."""

from __future__ import annotations

from collections.abc import Iterator

from .facts import Facts, TableFacts
from .found import Context, Found, lock_of, unique
from .instead.release import drop_column, drop_table, insert_breaks, rename_column, rename_table, required_column
from .locks import in_words, strongest
from .wording import listed, their


def judge_release(context: Context) -> list[Found]:
    """The findings of columns and relations that are new, gone or called otherwise."""
    return [*_columns(context), *_relations(context)]


def _columns(context: Context) -> Iterator[Found]:
    for table in _at_the_top(context.facts):
        lock = in_words(lock_of(table))
        for change in table.changes:
            place = f"{table.name}.{change.name}"
            column = change.column
            match change.event:
                case "added" if column.is_required and not column.is_filled:
                    message = f"ADD COLUMN fails if {table.name} has a row: {place} is NOT NULL and has no default"
                    yield Found("required-column", (table.name,), lock, message, required_column(table, column))
                case "required":
                    message = f"INSERTs of the code that runs fail: {place} is NOT NULL, and in the end has no default"
                    yield Found("insert-breaks", (table.name,), lock, message, insert_breaks(table, column))
                case "dropped":
                    message = f"Code that runs and still names {place} fails, and the values are lost"
                    yield Found("drop-column", (table.name,), lock, message, drop_column(table, column))
                case "renamed":
                    message = f"Code that runs and still names {place} fails: it is {column.name} now"
                    yield Found("rename-column", (table.name,), lock, message, rename_column(table, change))


def _at_the_top(facts: Facts) -> list[TableFacts]:
    """The tables without the partitions to which the same happens."""
    names = {table.name for table in facts.tables if table.changes}
    return [table for table in facts.tables if table.root not in names]


def _relations(context: Context) -> Iterator[Found]:
    gone = [table for table in context.facts.tables if table.is_gone]
    if gone:
        names = unique(table.name for table in gone)
        lock = in_words(strongest(map(lock_of, gone)))
        lost = "" if all(table.kind == "view" for table in gone) else f", and {their(names)} rows are lost"
        message = f"Code that runs and still uses {listed(names)} fails{lost}"
        yield Found("drop-table", names, lock, message, drop_table(gone))
    for table in context.facts.tables:
        if table.new_name:
            message = f"Code that runs and still uses {table.name} fails: it is {table.new_name} now"
            yield Found("rename-table", (table.name,), in_words(lock_of(table)), message, rename_table(table))
