"""What an import knows of another tool: its files, and the table in which it writes what is applied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from .draft import Converted, Text


class Applied(NamedTuple):
    """What a tool's history has of one migration: its `key` there, and when and for how long, where that is known."""

    key: str
    at: datetime | None = None
    milliseconds: int | None = None


class HistoryTable(NamedTuple):
    """A tool's table: its default name, the columns that are read, in their order, and by which they are sorted.

    A column is written with the type that it is read as, `version::text`. None of them lacks a value in a row but the
    times, which may be unknown, and those of `may_lack`. `read` makes of the rows, and of the keys of all migrations in
    their order, what is applied. It raises PlanError for what is not settled there. A table with one of the columns
    `others` is another tool's. Those in `optional` come behind the columns, and are None where the table does not have
    them.
    """

    name: str
    columns: tuple[str, ...]
    sorted_by: str
    read: Callable[[Sequence[tuple[Any, ...]], Sequence[str]], list[Applied]]
    others: Collection[str] = ()
    optional: tuple[str, ...] = ()
    may_lack: Collection[str] = ()


class Theirs(NamedTuple):
    """What there is of another tool with this `name`: its migrations as they become ours, and its history."""

    name: str
    history: HistoryTable
    converted: Converted


class Tool(NamedTuple):
    """Another tool: `convert` makes of its files migrations, `is_own` tells whether a file is one of its.

    `below` tells that it reads the folders below its own too.
    """

    name: str
    convert: Callable[[Sequence[Text]], Converted]
    is_own: Callable[[Text], bool]
    history: HistoryTable
    below: bool = False
