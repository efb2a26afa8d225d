"""What the pages of the admin show: from what is asked and the results of the API to values for a template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.paginator import Page
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .console import duration
from .errors import PlanError
from .migration import Direction
from .results import MigrationResult, RunResult, ShownMigration
from .scanner import ScanError, split
from .statements import loses_data

# More than a browser shows at ease; whoever needs the rest has the file.
SHOWN_CHARACTERS = 500_000
# More lines than this are folded.
OPEN_LINES = 60
SHOWN_LOSSES = 10
SHOWN_RUNS = 10

STATES: Mapping[str, str | Promise] = {
    "applied": gettext_lazy("applied"),
    "pending": gettext_lazy("pending"),
    "changed": gettext_lazy("changed since it was applied"),
    "missing": gettext_lazy("applied, file missing"),
    "failed": gettext_lazy("failed part-way"),
    "running": gettext_lazy("running now"),
    "disabled": gettext_lazy("feature off"),
}
STATUSES: Mapping[str, str | Promise] = {
    "applied": gettext_lazy("applied"),
    "reverted": gettext_lazy("reverted"),
    "faked": gettext_lazy("recorded only"),
    "planned": gettext_lazy("planned"),
    "failed": gettext_lazy("failed"),
    "rolled_back": gettext_lazy("rolled back"),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What of the list is asked for; an empty text asks for all. The names are those of the address's parameters."""

    database: str
    state: str = ""
    app: str = ""
    run: str = ""
    q: str = ""

    @classmethod
    def parse(cls, given: Mapping[str, str], database: str) -> Filters:
        values = {name: given.get(name, "").strip() for name in ("state", "app", "run", "q")}
        return cls(given.get("database") or database, **values)

    def matches(self, shown: ShownMigration) -> bool:
        """Whether it is in the list; each word of a search must be in the id or in the name of who applied it."""
        text = f"{shown.id} {shown.applied_by or ''}".lower()
        return (
            self.state in ("", shown.state)
            and self.app in ("", shown.id.app)
            and self.run in ("", shown.run)
            and all(word in text for word in self.q.lower().split())
        )

    def query(self, **changes: str | int) -> str:
        """The query of the address of the same list with `changes`."""
        values = {name: getattr(self, name) for name in ("database", "state", "app", "run", "q")} | changes
        return "?" + urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True, slots=True)
class Choice:
    """One link; the names are those that admin/filter.html knows."""

    display: str | Promise
    query_string: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Filter:
    title: str
    choices: list[Choice]


def filters_of(migrations: Sequence[ShownMigration], chosen: Filters, databases: Sequence[str]) -> list[Filter]:
    """The filters beside the list, with how many each choice has."""
    states = Counter[str](shown.state for shown in migrations)
    apps = Counter(shown.id.app for shown in migrations)
    runs = Counter(shown.run for shown in migrations if shown.run)
    found = [
        _filter(_("state"), "state", [(name, STATES[name], states[name]) for name in STATES if name in states], chosen),
        _filter(_("app"), "app", [(name, name, apps[name]) for name in sorted(apps)], chosen),
        _filter(_("run"), "run", [(run, _moment(when), runs[run]) for run, when in _last_runs(migrations)], chosen),
    ]
    if len(databases) > 1:
        links = [Choice(alias, f"?{urlencode({'database': alias})}", alias == chosen.database) for alias in databases]
        found.insert(0, Filter(_("database"), links))
    return found


def _filter(title: str, name: str, values: Iterable[tuple[str, str | Promise, int]], chosen: Filters) -> Filter:
    links = [
        Choice(f"{text} ({count})", chosen.query(**{name: value}), value == getattr(chosen, name))
        for value, text, count in values
    ]
    every = Choice(_("All"), chosen.query(**{name: ""}), not getattr(chosen, name))
    return Filter(title, [every, *links])


def _last_runs(migrations: Iterable[ShownMigration]) -> list[tuple[str, datetime]]:
    """The last runs and when each ended, the last one first."""
    ends: dict[str, datetime] = {}
    for shown in migrations:
        if shown.run and shown.applied_at:
            ends[shown.run] = max(shown.applied_at, ends.get(shown.run, shown.applied_at))
    return sorted(ends.items(), key=lambda end: end[1], reverse=True)[:SHOWN_RUNS]


def _moment(when: datetime) -> str:
    return date_format(localtime(when), "SHORT_DATETIME_FORMAT")


def page_links(page: Page[ShownMigration], chosen: Filters) -> list[Choice]:
    """Links to the other pages; an ellipsis has no address."""
    return [
        Choice(str(number), chosen.query(p=number) if isinstance(number, int) else "", number == page.number)
        for number in page.paginator.get_elided_page_range(page.number)
    ]


@dataclass(frozen=True, slots=True)
class ListRow:
    """A migration as the list and the pages show it."""

    id: str
    app: str
    name: str
    state: str
    state_text: str | Promise
    when: str
    took: str
    by: str
    is_late: bool

    @property
    def is_applied(self) -> bool:
        return self.state in ("applied", "changed", "missing")


def list_row(shown: ShownMigration) -> ListRow:
    took = "" if shown.applied_at is None else duration(shown.duration_ms)
    if shown.state == "applied" and shown.duration_ms is None:
        took = _("recorded only")
    return ListRow(
        id=str(shown.id),
        app=shown.id.app,
        name=shown.id.name,
        state=shown.state,
        state_text=STATES[shown.state],
        when=_moment(shown.applied_at) if shown.applied_at else "",
        took=took,
        by=shown.applied_by or "",
        is_late=shown.out_of_order,
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """What to run or to revert, as one page hands it to the next. An empty text is the default.

    `to` is an id, for a run the last to apply, for a revert the one that stays; `steps` and `last_run` are a revert's.
    """

    direction: Direction
    database: str
    transaction: str
    to: str = ""
    steps: str = ""
    last_run: bool = False

    @classmethod
    def parse(cls, direction: Direction, given: Mapping[str, str], database: str, transaction: str) -> Wish:
        """From the parameters of an address or a form; `database` and `transaction` where they have none."""
        return cls(
            direction,
            given.get("database") or database,
            given.get("transaction") or transaction,
            to=given.get("to", "").strip(),
            steps=given.get("steps", "").strip(),
            last_run=bool(given.get("last_run")),
        )

    def options(self) -> dict[str, Any]:
        """The same as keyword arguments of `api.run` or `api.revert`. Raises PlanError."""
        common = {"database": self.database, "transaction": self.transaction, "to": self.to or None}
        if self.direction is Direction.UP:
            return common
        if self.steps and not (self.steps.isascii() and self.steps.isdigit() and len(self.steps) < 10):
            raise PlanError(_("%(given)r is no number of migrations.") % {"given": self.steps})
        return common | {"steps": int(self.steps) if self.steps else None, "last_run": self.last_run}

    def hidden(self) -> dict[str, str]:
        """The same as hidden inputs of a form."""
        values = {"database": self.database, "transaction": self.transaction, "to": self.to, "steps": self.steps}
        return {name: value for name, value in (values | {"last_run": "1" if self.last_run else ""}).items() if value}


@dataclass(frozen=True, slots=True)
class Sql:
    """A part to show; `more` is the number of characters that are left out."""

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


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A migration on the page that asks for confirmation."""

    id: str
    sql: Sql
    warnings: list[str] = field(default_factory=list)


def planned_rows(plan: RunResult) -> list[PlannedRow]:
    return [
        PlannedRow(str(one.id), sql_of(_("SQL"), one.sql or ""), warnings_of(one, plan.direction))
        for one in plan.migrations
    ]


def warnings_of(planned: MigrationResult, direction: Direction) -> list[str]:
    """What somebody should know before this is run."""
    found = []
    if direction is Direction.UP and not planned.reversible:
        found.append(_("Irreversible: it has no down part."))
    if not planned.transactional:
        found.append(_("Runs without a transaction: if it fails, what it has done by then stays."))
    if planned.statements_done:
        done = planned.statements_done
        found.append(
            ngettext(
                "Its first statement is done already; it goes on behind that.",
                "Its first %(count)s statements are done already; it goes on behind them.",
                done,
            )
            % {"count": done}
        )
    if planned.out_of_order:
        found.append(_("Out of order: later migrations are applied already."))
    lost = losses(planned.sql or "")
    found += [_("Loses data: %(statement)s") % {"statement": statement} for statement in lost[:SHOWN_LOSSES]]
    if len(lost) > SHOWN_LOSSES:
        found.append(_("Loses data: %(count)s more statements.") % {"count": len(lost) - SHOWN_LOSSES})
    return found


def losses(sql: str) -> list[str]:
    """The statements that drop or empty what has rows, each on one short line."""
    try:
        statements = split(sql)
    except ScanError:
        return []  # not SQL; what is, was split when it was built
    texts = (sql[one.start : one.end] for one in statements if loses_data(one.words))
    return [text if len(text) <= 100 else f"{text[:99]}…" for text in (" ".join(text.split()) for text in texts)]


@dataclass(frozen=True, slots=True)
class ReportRow:
    """What became of a migration, and what is known of it now."""

    id: str
    status: str
    status_text: str | Promise
    took: str
    state: str
    state_text: str | Promise


def report_rows(result: RunResult, now: Sequence[ShownMigration]) -> list[ReportRow]:
    states: dict[Any, str] = {shown.id: shown.state for shown in now}
    return [
        ReportRow(
            id=str(one.id),
            status=one.status,
            status_text=STATUSES[one.status],
            took="" if one.duration_ms is None else duration(one.duration_ms),
            state=states.get(one.id, ""),
            state_text=STATES.get(states.get(one.id, ""), ""),
        )
        for one in result.migrations
    ]


def log_message(one: MigrationResult, result: RunResult) -> str:
    """What the admin's log says of one migration of a run."""
    verb = {
        "applied": _("Applied"),
        "reverted": _("Reverted"),
        "failed": _("Failed to apply") if result.direction is Direction.UP else _("Failed to revert"),
        "rolled_back": _("Rolled back"),
    }.get(one.status, str(STATUSES[one.status]))
    text = _("%(verb)s in the database “%(database)s”.") % {"verb": verb, "database": result.database}
    return f"{text} {result.error.message}" if one.status == "failed" and result.error else text
