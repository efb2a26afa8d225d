"""SQL, and the text of files, to show."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from medusa_migrations.results import Description

# A browser is slow with more; whoever needs the rest has the file.
SHOWN_CHARACTERS = 500_000
# A part of more lines is folded.
OPEN_LINES = 60


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL, or the text of a file, to show; `more` is the number of characters that are left out."""

    title: str
    text: str
    lines: int
    more: int = 0

    @property
    def is_open(self) -> bool:
        return self.lines <= OPEN_LINES


def sql_of(title: str, sql: str) -> Sql:
    text = sql.strip("\n")
    return Sql(title, text[:SHOWN_CHARACTERS], text.count("\n") + 1, max(0, len(text) - SHOWN_CHARACTERS))


def shown_parts(found: Description) -> list[Sql]:
    """The parts of a migration."""
    names = {
        "up": pgettext("migration", "Up"),
        "down": pgettext("migration", "Down"),
        "stored down": _("Down, as the history has stored it"),
        "file": _("File"),
    }
    return [sql_of(names[part.name], part.sql) for part in found.parts]
