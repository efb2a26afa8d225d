"""The pages that run and revert: from what is asked for and what the API returns to values for a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

from medusa_migrations.errors import PlanError
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import MigrationResult, RunResult, ShownMigration, duration
from medusa_migrations.sql.scanner import Statement, scan
from medusa_migrations.sql.slow import grows_with_rows, makes_table, table_of
from medusa_migrations.sql.statements import loses_data
from medusa_migrations.sql.tokens import ScanError

from .listing import STATES, wrapped
from .parts import Sql, sql_of

# To split so many into statements takes seconds.
SPLIT_CHARACTERS = 2_500_000
SHOWN_LOSSES = 10

STATUSES: Mapping[str, str | Promise] = {
    "applied": pgettext_lazy("migration", "applied"),
    "faked": pgettext_lazy("migration", "recorded only"),
    "reverted": pgettext_lazy("migration", "reverted"),
    "failed": pgettext_lazy("migration", "failed"),
    "rolled_back": pgettext_lazy("migration", "rolled back"),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What to run or to revert, as one page hands it to the next. An empty text asks for the default.

    `to` is the id of a migration: a run applies it last, a revert leaves it applied. `phase` is for a run; `steps`, the
    number of migrations, and `last_run`, all that the last run applied, are for a revert.
    """

    direction: Direction
    database: str
    transaction: str
    to: str = ""
    steps: str = ""
    last_run: bool = False
    phase: str = ""

    @classmethod
    def parse(cls, direction: Direction, given: Mapping[str, str], database: str, transaction: str) -> Wish:
        """From the parameters of an address or a form, or `database` and `transaction` if they name none."""
        return cls(
            direction,
            given.get("database") or database,
            given.get("transaction") or transaction,
            to=given.get("to", "").strip(),
            steps=given.get("steps", "").strip(),
            last_run=bool(given.get("last_run")),
            phase=given.get("phase", "").strip(),
        )

    def options(self) -> dict[str, Any]:
        """The wish as keyword arguments of `api.run` or `api.revert`. Raises PlanError if `steps` is no number."""
        common = {"database": self.database, "transaction": self.transaction, "to": self.to or None}
        if self.direction is Direction.UP:
            return common | {"phase": self.phase or None}
        if self.steps and not (self.steps.isascii() and self.steps.isdigit() and len(self.steps) < 10):
            raise PlanError(_("%(given)r is no number of migrations.") % {"given": self.steps})
        return common | {"steps": int(self.steps) if self.steps else None, "last_run": self.last_run}

    def handed(self) -> dict[str, Any]:
        """The same as keyword arguments of `api.hand_over`. Raises PlanError."""
        return {"direction": self.direction} | self.options()

    def hidden(self) -> dict[str, str]:
        """The wish as hidden inputs of a form, values by name."""
        names = ("database", "transaction", "to", "steps", "phase")
        values = {name: getattr(self, name) for name in names} | {"last_run": "1" if self.last_run else ""}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A migration on the page that asks for confirmation."""

    id: str
    wrapped: SafeString
    parts: list[Sql]
    warnings: list[str]


def planned_rows(plan: RunResult) -> list[PlannedRow]:
    return [
        PlannedRow(str(one.id), wrapped(one.id), _planned_parts(one), warnings_of(one, plan.direction))
        for one in plan.migrations
    ]


def _planned_parts(planned: MigrationResult) -> list[Sql]:
    """What is confirmed: of a migration in Python the code, and the SQL as far as that can be told before."""
    if not planned.code:
        return [sql_of(pgettext("migration", "SQL"), planned.sql or "")]
    preview = sql_of(_("The SQL that it will send, as far as that can be told before"), planned.sql or "")
    return [sql_of(pgettext("migration", "Code"), planned.code), preview]


def slow_statements(plan: RunResult) -> list[str]:
    """What may take long, each with its migration: statements that go over all rows of a table that was there before.

    How many rows there are is not looked at. Of what cannot be split into statements nothing is said.
    """
    found: list[str] = []
    new: set[str] = set()
    for one in plan.migrations:
        sql = one.sql or ""
        found += [f"{one.id}: {_on_one_line(line)}" for line in one.code.splitlines() if ".backfill(" in line]
        for statement in _first_statements(sql):
            table = table_of(statement.words)
            if grows_with_rows(statement.words) and table not in new:
                found.append(f"{one.id}: {_on_one_line(sql[statement.start : statement.end])}")
            if table and makes_table(statement.words):
                new.add(table)
    return found


def warnings_of(planned: MigrationResult, direction: Direction) -> list[str]:
    """What somebody should know before a migration is run or reverted."""
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
    if direction is Direction.UP and planned.phase == "after":
        found.append(_("Phase after: it is for when the new code is live."))
    found += [_("Undoes %(id)s before, in the same transaction.") % {"id": id_} for id_ in planned.undoes]
    if planned.was_there and direction is Direction.DOWN:
        found.append(_("It was recorded and not run, as its tables were there: they stay, and it is forgotten."))
    elif planned.was_there:
        found.append(_("Its tables are there: if they are as it makes them, it is recorded, and nothing is sent."))
    if planned.out_of_order:
        found.append(_("Out of order: later migrations are applied already."))
    found += [f"{one.file}:{one.line}: {one.code}: {one.message}" for one in planned.findings]
    lost, may_lose_more = losses(planned.sql or "")
    found += [_("Loses data: %(statement)s") % {"statement": statement} for statement in lost[:SHOWN_LOSSES]]
    if len(lost) > SHOWN_LOSSES:
        more = len(lost) - SHOWN_LOSSES
        text = ngettext("Loses data: %(count)s more statement.", "Loses data: %(count)s more statements.", more)
        found.append(text % {"count": more})
    if may_lose_more:
        found.append(_("May lose data: it is too long to be looked through to its end, which has DROP or the like."))
    return found


def losses(sql: str) -> tuple[list[str], bool]:
    """The statements that drop or empty what has rows, each on one line of at most 100 characters.

    Also given is whether what is too long to be split has a word that may mean another. Data alone is not split at all.
    """
    if not _may_lose_data(sql):
        return [], False
    statements = _first_statements(sql)
    rest = sql[statements[-1].end if statements else 0 :] if len(sql) > SPLIT_CHARACTERS else ""
    lost = [_on_one_line(sql[one.start : one.end]) for one in statements if loses_data(one.words)]
    return lost, _may_lose_data(rest)


def _on_one_line(text: str) -> str:
    """At most 100 characters of a statement."""
    text = " ".join(text.split())
    return text if len(text) <= 100 else f"{text[:99]}…"


def _may_lose_data(sql: str) -> bool:
    """Whether there is a word without which `loses_data` finds nothing."""
    words = sql.upper()
    return any(word in words for word in ("DROP", "DELETE", "TRUNCATE"))


def _first_statements(sql: str) -> list[Statement]:
    """The statements of `sql`; of a long text those that are whole in its beginning."""
    is_cut = len(sql) > SPLIT_CHARACTERS
    found = []
    try:
        for item in scan(sql[:SPLIT_CHARACTERS]):
            if isinstance(item, Statement):
                found.append(item)
    except ScanError:
        return found if is_cut else []  # a text that is no SQL; all SQL was split when it was built
    return found[:-1] if is_cut else found


@dataclass(frozen=True, slots=True)
class ReportRow:
    """What was done with a migration, and the state that it is in now."""

    id: str
    wrapped: SafeString
    status: str
    status_text: str | Promise
    took: str
    state_text: str | Promise


def report_rows(result: RunResult, now: Sequence[ShownMigration]) -> list[ReportRow]:
    states: dict[MigrationId, str | Promise] = {shown.id: STATES[shown.state] for shown in now}
    return [
        ReportRow(
            id=str(one.id),
            wrapped=wrapped(one.id),
            status=one.status,
            status_text=STATUSES[one.status],
            took="" if one.duration_ms is None else duration(one.duration_ms),
            state_text=states.get(one.id, ""),
        )
        for one in result.migrations
    ]
