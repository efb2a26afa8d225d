"""The values that rows which are there get by a backfill: a migration file in Python."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from medusa_migrations.sql.names import quoted

from .phases import DraftStatement
from .render import update

_WIDTH = 100

_TEXT = '''\
"""Gives the rows that are there their values, as generated from the models of {label}. Read it before you run it."""

from medusa_migrations import Schema

transaction = False
{depends}

def up(schema: Schema) -> None:
{body}


def down(schema: Schema) -> None:
    """The columns go as they are."""
'''


class Fill(NamedTuple):
    """The SQL `value` for a column in the rows that have none; None where only a person knows one, as `note` says."""

    table: str
    column: str
    value: str | None
    note: str = ""

    @property
    def statement(self) -> DraftStatement | None:
        """What it does to all rows, if that is known."""
        return update(self.table, self.column, self.value, self.note) if self.value is not None else None


def fill_text(label: str, fills: Sequence[Fill], depends: Iterable[str]) -> str:
    """The text of the migration file that fills the columns, for the app with the label `label`."""
    listed = [f"depends = {ids!r}"] if (ids := list(depends)) else []
    body = [line for fill in fills for line in _lines(fill)]
    body += ["pass"] if all(fill.value is None for fill in fills) else []
    return _TEXT.format(
        label=label, depends="".join(f"{line}\n" for line in listed), body="\n".join(f"    {line}" for line in body)
    )


def _lines(fill: Fill) -> list[str]:
    remark = [f"# {line}" for line in textwrap.wrap(fill.note, _WIDTH, break_long_words=False)]
    assigned = f"{quoted(fill.column)} = {'...' if fill.value is None else fill.value}"
    missing = f"{quoted(fill.column)} IS NULL"
    call = ["schema.backfill(", f"    {fill.table!r},", f"    set={assigned!r},", f"    where={missing!r},", ")"]
    return [*remark, *(f"# {line}" if fill.value is None else line for line in call)]
