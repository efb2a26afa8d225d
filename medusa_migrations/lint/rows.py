"""Judges what changes or empties all rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from medusa_migrations.messages import N_

from .facts import Facts, TableFacts
from .found import Context, Found, is_emptied, lock_of, unique
from .instead.rows import bulk_update, loss
from .locks import in_words, strongest
from .whole import Whole, parts, whole
from .wording import listed


def judge_rows(context: Context, wholes: Sequence[Target]) -> list[Found]:
    """The findings of a statement that changes or empties `wholes`, or has emptied tables by a function."""
    return [*_losses(context, wholes), *_bulk_updates(context, wholes)]


class Target(NamedTuple):
    """A statement on all rows, and the table that it names."""

    whole: Whole
    table: TableFacts


def targets(context: Context) -> list[Target]:
    """What changes all rows of tables that were there before."""
    found = ((one, _named(one.table, context.facts)) for one in whole(context.sql))
    return [Target(one, table) for one, table in found if table]


def _named(name: tuple[str, ...], facts: Facts) -> TableFacts | None:
    """The table that a statement names, as search_path may leave out any schema; None for one that is new."""
    alike = {parts(table.name): table for table in facts.tables if parts(table.name)[-1:] == name[-1:]}
    return alike.get(name) or (next(iter(alike.values()), None) if len(name) == 1 else None)


def _losses(context: Context, wholes: Sequence[Target]) -> Iterator[Found]:
    emptied = [table.name for table in context.facts.tables if is_emptied(table, context)]
    deleted = [target.table.name for target in wholes if target.whole.verb != "UPDATE"]
    names = unique([*deleted, *emptied])
    if names:
        locks = [lock_of(table) for table in context.facts.tables if table.name in names]
        message = N_("{action} deletes all rows of {tables}", action=context.action, tables=listed(names))
        yield Found("loss", names, in_words(strongest(locks)), message, loss(_roots(names, context.facts)))


def _roots(names: Sequence[str], facts: Facts) -> list[str]:
    """The tables of `names` without the partitions of others of them."""
    inner = {table.name for table in facts.tables if table.root in names}
    return [name for name in names if name not in inner]


def _bulk_updates(context: Context, wholes: Sequence[Target]) -> Iterator[Found]:
    for target in wholes:
        if target.whole.verb == "UPDATE":
            name = target.table.name
            message = N_(
                "{action} locks every row of {table} until all of them are changed", action=context.action, table=name
            )
            lock = in_words(lock_of(target.table))
            yield Found("bulk-update", (name,), lock, message, bulk_update(name, target.whole.sets))
