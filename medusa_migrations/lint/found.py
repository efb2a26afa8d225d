"""What one statement is judged by, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .facts import Facts, TableFacts
from .locks import strongest, waits
from .wording import action


class Found(NamedTuple):
    """A finding of one statement; `lock` is in PostgreSQL's words, None where none is the matter.

    `instead` is the safe way as SQL to paste, with the names of this statement; comments in it say what goes where.
    """

    code: str
    tables: tuple[str, ...]
    lock: str | None
    message: str
    instead: str


class Context(NamedTuple):
    """What one statement is judged by."""

    facts: Facts
    words: Sequence[str]
    sql: str

    @property
    def action(self) -> str:
        """What the statement does, in its words."""
        return action(self.words)


def lock_of(table: TableFacts) -> str:
    """The strongest lock of the transaction."""
    return strongest((table.taken, table.held))


def shown(table: TableFacts, facts: Facts) -> str:
    """The table that people know: the partitioned one, if it is locked as a whole."""
    root = next((one for one in facts.tables if one.name == table.root), None) if table.root else None
    return table.root if root and waits(lock_of(root)) else table.name


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """The names in their order, each once."""
    return tuple(dict.fromkeys(names))


def is_emptied(table: TableFacts, context: Context) -> bool:
    """Whether the new file is an empty one, as TRUNCATE makes it: nearly all else that makes one reads the table."""
    if not table.is_rewritten or table.kind != "table" or table.is_moved or table.is_read:
        return False
    return table.is_unlogged is None and context.words[0] in {"TRUNCATE", "DO", "CALL", "SELECT", "EXECUTE"}
