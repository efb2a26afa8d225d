"""The list of migrations: from what is asked for and what `api.show` returns to values for a template."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from medusa_migrations.migration import MigrationId
from medusa_migrations.results import ShownMigration, duration

PER_PAGE = 100
SHOWN_RUNS = 10

STATES: Mapping[str, str | Promise] = {
    "applied": pgettext_lazy("migration", "applied"),
    "pending": pgettext_lazy("migration", "pending"),
    "changed": pgettext_lazy("migration", "changed since it was applied"),
    "missing": pgettext_lazy("migration", "applied, file missing"),
    "failed": pgettext_lazy("migration", "failed part-way"),
    "running": pgettext_lazy("migration", "running now"),
    "disabled": pgettext_lazy("migration", "feature off"),
}


# What is said instead of a repeatable one that is applied, and pending because it is another today.
TO_BE_RERUN = pgettext_lazy("migration", "changed, to be run again")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which migrations are asked for; an empty text asks for all.

    The fields have the names of the address's parameters: `q` are words to search for.
    """

    database: str
    state: str = ""
    app: str = ""
    run: str = ""
    q: str = ""

    @classmethod
    def parse(cls, given: Mapping[str, str], database: str) -> Filters:
        """From the parameters of an address, or `database` if they name none."""
        values = {name: given.get(name, "").strip() for name in ("state", "app", "run", "q")}
        return cls(given.get("database") or database, **values)

    def matches(self, shown: ShownMigration) -> bool:
        """Whether a migration is asked for. Each word of `q` must be in its id or in the name of who applied it."""
        text = f"{shown.id} {shown.applied_by or ''}".lower()
        return (
            self.state in ("", shown.state)
            and self.app in ("", shown.id.app)
            and self.run in ("", shown.run)
            and all(word in text for word in self.q.lower().split())
        )

    def query(self, **changes: str | int) -> str:
        """The query of an address that asks for the same, save for the `changes`."""
        values = {name: getattr(self, name) for name in ("database", "state", "app", "run", "q")} | changes
        return "?" + urlencode({name: value for name, value in values.items() if value})


def list_context(
    migrations: Sequence[ShownMigration], chosen: Filters, databases: Sequence[str], number: str | None
) -> dict[str, Any]:
    """What the template has of the list, the latest migration first; `number` is that of the page, as the address says.

    `migrations` are all of the database, the earliest first, and `databases` the aliases to choose from.
    """
    found = [shown for shown in reversed(migrations) if chosen.matches(shown)]
    page = Paginator(found, PER_PAGE).get_page(number)
    return {
        "rows": [list_row(shown) for shown in page],
        "page": page,
        "pages": page_links(page, chosen) if page.has_other_pages() else [],
        "count": len(found),
        "full_count": len(migrations),
        "filters": filters_of(migrations, chosen, databases),
        "clear": Filters(chosen.database).query(),
        "is_filtered": Filters(chosen.database) != chosen,
    }


@dataclass(frozen=True, slots=True)
class Choice:
    """A link. The fields have the names that Django's template admin/filter.html knows."""

    display: str | Promise
    query_string: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter beside the list, with a link for each value."""

    title: str
    choices: list[Choice]


def filters_of(migrations: Sequence[ShownMigration], chosen: Filters, databases: Sequence[str]) -> list[Filter]:
    """The filters beside the list. Each value has the number of its migrations."""
    states = Counter[str](shown.state for shown in migrations)
    apps = Counter(shown.id.app for shown in migrations)
    runs = Counter(shown.run for shown in migrations if shown.run)
    found = [
        _filter(
            pgettext("migration", "state"),
            "state",
            [(name, STATES[name], states[name]) for name in STATES if name in states],
            chosen,
        ),
        _filter(pgettext("migration", "app"), "app", [(name, name, apps[name]) for name in sorted(apps)], chosen),
        _filter(
            pgettext("migration", "run"),
            "run",
            [(run, moment(when), runs[run]) for run, when in _latest_runs(migrations)],
            chosen,
        ),
    ]
    if len(databases) > 1:
        links = [Choice(alias, f"?{urlencode({'database': alias})}", alias == chosen.database) for alias in databases]
        found.insert(0, Filter(pgettext("migration", "database"), links))
    return found


def _filter(title: str, name: str, values: Iterable[tuple[str, str | Promise, int]], chosen: Filters) -> Filter:
    links = [
        Choice(f"{text} ({count})", chosen.query(**{name: value}), value == getattr(chosen, name))
        for value, text, count in values
    ]
    every = Choice(_("All"), chosen.query(**{name: ""}), not getattr(chosen, name))
    return Filter(title, [every, *links])


def _latest_runs(migrations: Iterable[ShownMigration]) -> list[tuple[str, datetime]]:
    """The latest runs and when each ended, the latest first."""
    ends: dict[str, datetime] = {}
    for shown in migrations:
        if shown.run and shown.applied_at:
            ends[shown.run] = max(shown.applied_at, ends.get(shown.run, shown.applied_at))
    return sorted(ends.items(), key=lambda end: end[1], reverse=True)[:SHOWN_RUNS]


def moment(when: datetime) -> str:
    """The day as the language writes it, and the time with its seconds: two runs may begin within a minute."""
    local = localtime(when)
    return f"{date_format(local, 'SHORT_DATE_FORMAT')} {local:%H:%M:%S}"


def wrapped(id_: MigrationId) -> SafeString:
    """An id that may be broken where one would read a pause."""
    parts = re.findall(r"[^._]+[._]*|[._]+", str(id_))
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))


def page_links(page: Page[ShownMigration], chosen: Filters) -> list[Choice]:
    """Links to the pages of the list. The ellipsis between far ones has no address."""
    return [
        Choice(str(number), chosen.query(p=number) if isinstance(number, int) else "", number == page.number)
        for number in page.paginator.get_elided_page_range(page.number)
    ]


@dataclass(frozen=True, slots=True)
class ListRow:
    """A migration as the list and the pages show it."""

    id: str
    wrapped: SafeString
    state: str
    state_text: str | Promise
    when: str
    took: str
    by: str
    is_late: bool
    is_after: bool
    next_statement: int

    @property
    def is_applied(self) -> bool:
        return self.state in ("applied", "changed", "missing")


def list_row(shown: ShownMigration) -> ListRow:
    took = "" if shown.duration_ms is None else duration(shown.duration_ms)
    if shown.state == "applied" and shown.duration_ms is None:
        took = pgettext("migration", "recorded only")
    return ListRow(
        id=str(shown.id),
        wrapped=wrapped(shown.id),
        state=shown.state,
        state_text=TO_BE_RERUN if shown.is_to_be_rerun else STATES[shown.state],
        when=moment(shown.applied_at) if shown.applied_at else "",
        took=took,
        by=shown.applied_by or "",
        is_late=shown.out_of_order,
        is_after=shown.phase == "after",
        next_statement=shown.statements_done + 1,
    )
