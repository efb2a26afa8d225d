"""The journal: from what is asked for and what `api.log` returns to values for a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from medusa_migrations.models import MigrationLog
from medusa_migrations.results import LogEntry, duration

from .listing import Choice, Filter, moment, wrapped

PER_PAGE = 100

# How many of a migration its own page has; a link leads to the rest.
PER_MIGRATION = 20

_ACTIONS: dict[str, str | Promise] = dict(MigrationLog.Action.choices)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries are asked for; an empty text asks for all.

    The fields have the names of the address's parameters: `before` is the serial number of the first entry of the page
    before, as text.
    """

    database: str
    id: str = ""
    action: str = ""
    before: str = ""

    @classmethod
    def parse(cls, given: Mapping[str, str], database: str) -> Asked:
        """From the parameters of an address, or `database` if they name none."""
        before = given.get("before", "")
        is_number = before.isascii() and before.isdigit() and len(before) < 19
        values = {name: given.get(name, "").strip() for name in ("id", "action")}
        return cls(given.get("database") or database, before=before if is_number else "", **values)

    def options(self) -> dict[str, Any]:
        """The same as keyword arguments of `api.log`."""
        return {
            "database": self.database,
            "id": self.id or None,
            "action": self.action or None,
            "before": int(self.before) if self.before else None,
            "limit": PER_PAGE + 1,
        }

    def query(self, **changes: str) -> str:
        """The query of an address that asks for the same, from the latest on, save for the `changes`."""
        values = {"database": self.database, "id": self.id, "action": self.action} | changes
        return "?" + urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True, slots=True)
class JournalRow:
    """An entry as the pages show it."""

    when: str
    action: str
    action_text: str | Promise
    id: str
    wrapped: SafeString
    run: str
    took: str
    by: str
    process: str
    release: str
    message: str


def journal_context(entries: Sequence[LogEntry], asked: Asked, databases: Sequence[str]) -> dict[str, Any]:
    """What the template has of `entries`, the earliest first: one more than fits on a page, if there are older ones."""
    shown = entries[-PER_PAGE:]
    return {
        "rows": journal_rows(shown),
        "older": asked.query(before=str(shown[0].serial)) if len(entries) > PER_PAGE else "",
        "latest": asked.query() if asked.before else "",
        "filters": _filters(asked, databases),
        "clear": Asked(asked.database).query(),
        "is_filtered": bool(asked.id or asked.action),
    }


def journal_rows(entries: Sequence[LogEntry]) -> list[JournalRow]:
    """The latest first."""
    return [_row(one) for one in reversed(entries)]


def _row(entry: LogEntry) -> JournalRow:
    return JournalRow(
        when=moment(entry.at),
        action=entry.action,
        action_text=_ACTIONS.get(entry.action, entry.action),
        id=str(entry.id),
        wrapped=wrapped(entry.id),
        run=entry.run,
        took="" if entry.duration_ms is None else duration(entry.duration_ms),
        by=entry.applied_by,
        process=entry.process,
        release=entry.release,
        message=entry.message + (f" (SQLSTATE {entry.sqlstate})" if entry.sqlstate else ""),
    )


def _filters(asked: Asked, databases: Sequence[str]) -> list[Filter]:
    actions = [Choice(text, asked.query(action=name), name == asked.action) for name, text in _ACTIONS.items()]
    found = [
        Filter(pgettext("migration", "action"), [Choice(_("All"), asked.query(action=""), not asked.action), *actions])
    ]
    if len(databases) > 1:
        links = [Choice(alias, f"?{urlencode({'database': alias})}", alias == asked.database) for alias in databases]
        found.insert(0, Filter(pgettext("migration", "database"), links))
    return found
