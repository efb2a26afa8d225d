"""A message of several lines, as the pages show it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

# What `Location.excerpt` gives: a line of a file with its number, or the caret below it.
_EXCERPT = re.compile(r" *\d* \| |LINE \d+: ")


class Piece(NamedTuple):
    """Lines to show together. Those of an excerpt are not wrapped: that would take the caret from under its place."""

    text: str
    is_excerpt: bool


class Message(str):
    """The text of an error."""

    def pieces(self) -> Iterator[Piece]:
        """Its lines, those of an excerpt apart."""
        lines = self.splitlines()
        for is_excerpt, group in itertools.groupby(lines, lambda line: _EXCERPT.match(line) is not None):
            yield Piece("\n".join(group), is_excerpt)
