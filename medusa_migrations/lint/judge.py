"""Judges what a statement has done to tables that are in use. Values in, values out."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.sql.tokens import ScanError, tokens

from .facts import Facts
from .found import Context, Found
from .held import judge_held
from .release import judge_release
from .rows import judge_rows, targets
from .work import judge_work


def judge(facts: Facts, words: Sequence[str], sql: str) -> list[Found]:
    """The findings of one statement, `sql`, whose `words` are as the scanner gives them.

    `facts` are what the watch has seen behind the statement, or has kept for the end; empty ones are those of a
    statement that runs outside transactions.
    """
    if words[0] in {"ROLLBACK", "ABORT"}:
        return []
    context = Context(facts, words, sql if _is_readable(sql) else "")
    work = judge_work(context)
    wholes = targets(context)
    told = {name for one in work for name in one.tables}
    return [*work, *judge_rows(context, wholes), *judge_held(context, told, wholes), *judge_release(context)]


def _is_readable(sql: str) -> bool:
    """Whether the scanner reads the text as the server did: a migration in Python may change how strings are read."""
    try:
        tokens(sql)
    except ScanError:
        return False
    return True
