"""Judges work under a lock that an earlier statement of the transaction has taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medusa_migrations.messages import N_

from .facts import TableFacts
from .found import Context, Found, is_emptied, shown, unique
from .instead.scans import in_parts
from .locks import in_words, strongest, waits
from .rows import Target
from .wording import listed
from .work import works_on


def judge_held(context: Context, found: set[str], wholes: Sequence[Target]) -> Iterator[Found]:
    """What earlier statements have locked while this one works."""
    work = _worked_on(context, wholes)
    held = [table for table in context.facts.tables if _is_held(table) and table.name not in found]
    if not work or not held:
        return
    names = unique(shown(table, context.facts) for table in held)
    lock = strongest(table.held for table in held)
    if len(names) == 1:
        message = N_(
            "{tables} stays locked by an earlier statement while {action} works on {worked}: its {blocked} wait"
        )
    else:
        message = N_(
            "{tables} stay locked by an earlier statement while {action} works on {worked}: their {blocked} wait"
        )
    message = message.filled(tables=listed(names), action=context.action, worked=listed(work), blocked=waits(lock))
    tables = unique([*names, *(table.name for table in held)])
    yield Found("held", tables, in_words(lock), message, in_parts(context.sql))


def _is_held(table: TableFacts) -> bool:
    """Whether somebody waits: a materialized view has readers alone."""
    found = waits(table.held)
    return found == "reads and writes" or (found == "writes" and table.kind != "materialized view")


def _worked_on(context: Context, wholes: Sequence[Target]) -> tuple[str, ...]:
    """The tables on which the statement takes its time."""
    facts = context.facts
    worked = [table.name for table in facts.tables if not is_emptied(table, context) if works_on(table, facts)]
    return unique([*worked, *(target.table.name for target in wholes if target.whole.verb != "TRUNCATE")])
