"""Whether a statement takes longer the more rows a table has, as far as its words tell."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

# By their first word.
_ALWAYS = {"REINDEX", "CLUSTER", "VACUUM", "REFRESH", "UPDATE", "DELETE", "MERGE", "CALL", "DO"}

# What an ALTER TABLE looks at every row for, or writes every row for, by a word of it.
_OF_ALL_ROWS = {"VALIDATE", "LOGGED", "UNLOGGED", "TABLESPACE", "STORED"}
_KEYS = {"PRIMARY", "UNIQUE", "FOREIGN", "REFERENCES", "CHECK", "EXCLUDE"}

# Behind which of these a statement names its table, and what may stand before the name.
_BEFORE_TABLE = {
    "UPDATE": "UPDATE",
    "DELETE": "FROM",
    "MERGE": "INTO",
    "INSERT": "INTO",
    "ALTER": "TABLE",
    "CLUSTER": "CLUSTER",
}
_NO_NAMES = {"ONLY", "IF", "NOT", "EXISTS"}


def grows_with_rows(words: Sequence[str]) -> bool:
    """Whether a statement, by its words in capitals, reads, writes or indexes all rows of a table, or may do so."""
    match words[0]:
        case "CREATE":
            return "INDEX" in words[1:3] or "MATERIALIZED" in words[1:3] or ("TABLE" in words[1:4] and "AS" in words)
        case "INSERT":
            return "SELECT" in words
        case "ALTER":
            return words[1:2] == ("TABLE",) and _looks_at_rows(words)
        case first:
            return first in _ALWAYS


def _looks_at_rows(words: Sequence[str]) -> bool:
    pairs = set(itertools.pairwise(words))
    if not _OF_ALL_ROWS.isdisjoint(words) or ("SET", "NOT") in pairs or _retypes(words):
        return True
    return not _KEYS.isdisjoint(words) and ("NOT", "VALID") not in pairs and ("USING", "INDEX") not in pairs


def _retypes(words: Sequence[str]) -> bool:
    """Whether an ALTER TABLE gives a column another type; a column may be called TYPE, too."""
    before_type = [words[max(0, at - 3) : at] for at, word in enumerate(words) if word == "TYPE"]
    return any("ALTER" in three and three[-1] not in ("ALTER", "COLUMN") for three in before_type) or "DATA" in words


def table_of(words: Sequence[str]) -> str:
    """The table that a statement is about, in capitals and without a schema; "" where its words do not tell.

    Those have no names in quotes.
    """
    before = _BEFORE_TABLE.get(words[0], "")
    if words[0] == "CREATE":
        before = "ON" if "INDEX" in words[1:3] else "TABLE"
    rest = list(words[words.index(before) + 1 :]) if before in words else []
    while rest and rest[0] in _NO_NAMES:
        del rest[0]
    name = (rest[2] if rest[1:2] == ["."] else rest[0]) if rest else ""
    return "" if name == '"' else name


def makes_table(words: Sequence[str]) -> bool:
    """Whether it makes a table."""
    return words[0] == "CREATE" and "TABLE" in words[1:4]
