"""Judges what the code that runs cannot live with: a question of the order of release."""

from __future__ import annotations

from collections.abc import Iterator

from medusa_migrations.messages import N_

from .facts import Facts, TableFacts
from .found import Context, Found, lock_of, unique
from .instead.release import drop_column, drop_table, insert_breaks, rename_column, rename_table, required_column
from .locks import in_words, strongest
from .wording import listed


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
                    message = N_(
                        "ADD COLUMN fails if {table} has a row: {column} is NOT NULL and has no default",
                        table=table.name,
                        column=place,
                    )
                    yield Found("required-column", (table.name,), lock, message, required_column(table, column))
                case "required":
                    message = N_(
                        "INSERTs of the code that runs fail: {column} is NOT NULL, and in the end has no default",
                        column=place,
                    )
                    yield Found("insert-breaks", (table.name,), lock, message, insert_breaks(table, column))
                case "dropped":
                    message = N_("Code that runs and still names {column} fails, and the values are lost", column=place)
                    yield Found("drop-column", (table.name,), lock, message, drop_column(table, column))
                case "renamed":
                    message = N_(
                        "Code that runs and still names {column} fails: it is {name} now",
                        column=place,
                        name=column.name,
                    )
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
        if all(table.kind == "view" for table in gone):
            message = N_("Code that runs and still uses {tables} fails")
        elif len(names) == 1:
            message = N_("Code that runs and still uses {tables} fails, and its rows are lost")
        else:
            message = N_("Code that runs and still uses {tables} fails, and their rows are lost")
        message = message.filled(tables=listed(names))
        yield Found("drop-table", names, lock, message, drop_table(gone))
    for table in context.facts.tables:
        if table.new_name:
            message = N_(
                "Code that runs and still uses {table} fails: it is {name} now", table=table.name, name=table.new_name
            )
            yield Found("rename-table", (table.name,), in_words(lock_of(table)), message, rename_table(table))
