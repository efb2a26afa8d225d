"""Messages as the pages show them: in the page's language, and with the lines of an excerpt apart."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from django.utils.translation import gettext

from medusa_migrations.errors import MigrationError
from medusa_migrations.messages import in_language

# What `Location.excerpt` gives: a line of a file with its number, or the caret below it.
_EXCERPT = re.compile(r" *\d* \| |LINE \d+: ")


class Piece(NamedTuple):
    """Lines to show together. Those of an excerpt are not wrapped: that would take the caret from under its place."""

    text: str
    is_excerpt: bool


def problem_of(error: MigrationError) -> str:
    """An error in the language of the page."""
    return error.in_language(gettext)


def said(text: str) -> str:
    """A message in the language of the page; any other text as it is."""
    return str(in_language(text, gettext))


class Lines(str):
    """The text of an error."""

    def pieces(self) -> Iterator[Piece]:
        """Its lines, those of an excerpt apart."""
        lines = self.splitlines()
        for is_excerpt, group in itertools.groupby(lines, lambda line: _EXCERPT.match(line) is not None):
            yield Piece("\n".join(group), is_excerpt)
