"""The page of one run: how it stands, and while it is under way, how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from medusa_migrations import api
from medusa_migrations.conf import get_settings
from medusa_migrations.errors import MigrationError
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import LogEntry, RunProgress, duration

from .journal import journal_rows
from .listing import STATES, moment, wrapped
from .message import problem_of
from .runs import STATUSES
from .visit import Visit, databases, page, require

_TITLES: Mapping[tuple[str, bool], str | Promise] = {
    ("waiting", True): gettext_lazy("The run waits for a worker"),
    ("waiting", False): gettext_lazy("The revert waits for a worker"),
    ("running", True): gettext_lazy("The run is under way"),
    ("running", False): gettext_lazy("The revert is under way"),
    ("done", True): gettext_lazy("The run is done"),
    ("done", False): gettext_lazy("The revert is done"),
    ("failed", True): gettext_lazy("The run has failed"),
    ("failed", False): gettext_lazy("The revert has failed"),
    ("refused", True): gettext_lazy("The run was refused"),
    ("refused", False): gettext_lazy("The revert was refused"),
    ("cut_off", True): gettext_lazy("The run was cut off"),
    ("cut_off", False): gettext_lazy("The revert was cut off"),
    ("given_up", True): gettext_lazy("The run was given up"),
    ("given_up", False): gettext_lazy("The revert was given up"),
}

# How a worker is started that serves the queue.
_WORKERS: Mapping[str, str] = {
    "celery": "celery -A … worker -Q medusa_fleet",
    "procrastinate": "python manage.py procrastinate worker -q medusa_fleet",
    "tasks": "python manage.py db_worker --queue-name medusa_fleet",
}

# What an entry of the journal makes of a migration of a run.
_OUTCOMES: Mapping[str, str] = {
    "applied": "applied",
    "rerun": "applied",
    "reverted": "reverted",
    "faked": "faked",
    "failed": "failed",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A migration of the run."""

    id: str
    wrapped: SafeString
    status: str
    text: str | Promise
    took: str


def progress_page(visit: Visit, run: str) -> HttpResponseBase:
    """GET shows how a run stands; POST gives up one that waits for a worker."""
    if visit.request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    given = visit.request.POST if visit.is_sent else visit.request.GET
    database = given.get("database") or databases()[0]
    require(visit.may_view or visit.may_run or visit.may_revert)
    context: dict[str, Any] = {"title": _("A run"), "database": database, "run": run}
    try:
        found = api.progress(run, database=database)
        if visit.is_sent:
            require(found.direction is not None and visit.may_carry_out(found.direction))
            api.give_up(run, database=database, applied_by=visit.request.user.get_username())
            messages.success(visit.request, _("Given up: no worker will begin with it."), fail_silently=True)
            return HttpResponseRedirect(f"?{urlencode({'database': database})}")
    except MigrationError as error:
        return page(visit, "progress", context | {"problem": problem_of(error)})
    return page(visit, "progress", context | _context(found, visit))


def handed_over(database: str) -> RunProgress | None:
    """The last run that was handed over, while it waits for a worker or one is at work on it; None without an engine.

    None too where that cannot be known: the pages that show it have more to tell.
    """
    try:
        if get_settings().admin_engine is None:
            return None
        last = api.log(action="handed_over", limit=1, database=database).entries
        found = api.progress(last[0].run, database=database) if last else None
    except MigrationError:
        return None
    return found if found and found.state in ("waiting", "running") else None


def _context(found: RunProgress, visit: Visit) -> dict[str, Any]:
    is_run = found.direction is not Direction.DOWN
    is_open = found.state in ("waiting", "cut_off") and not any(one.action in _OUTCOMES for one in found.entries)
    first, begun = found.entries[0], _last(found, "begun")
    return {
        "title": _TITLES[found.state, is_run] if found.state else _("A run"),
        "state": found.state,
        "is_run": is_run,
        "is_followed": found.state in ("waiting", "running"),
        "failed": found.reason if found.state in ("failed", "refused") else "",
        "rows": _rows(found),
        "by": first.applied_by,
        "at": moment(first.at),
        "begun": begun and journal_rows([begun])[0],
        "ago": _passed((timezone.now() - (begun or first).at).total_seconds()),
        "worker": _WORKERS.get(found.engine, ""),
        "at_work": found.at_work if found.state == "running" else None,
        "may_go_on": found.state in ("failed", "refused", "cut_off", "given_up"),
        "may_give_up": is_open and found.direction is not None and visit.may_carry_out(found.direction),
        "entries": journal_rows(found.entries),
    }


def _passed(seconds: float) -> str:
    """How long ago something was, in whole seconds."""
    return f"{max(0, seconds):.0f} s" if seconds < 60 else duration(int(seconds * 1000))


def _last(found: RunProgress, action: str) -> LogEntry | None:
    return next((one for one in reversed(found.entries) if one.action == action), None)


def _rows(found: RunProgress) -> list[Row]:
    """The migrations that were handed over, else those that the journal knows of."""
    outcomes = {one.id: one for one in found.entries if one.action in _OUTCOMES}
    ids = dict.fromkeys([*found.planned, *outcomes])
    return [_row(id_, outcomes.get(id_), found) for id_ in ids]


def _row(id_: MigrationId, outcome: LogEntry | None, found: RunProgress) -> Row:
    if outcome:
        status = _OUTCOMES[outcome.action]
        took = "" if outcome.duration_ms is None else duration(outcome.duration_ms)
        return Row(str(id_), wrapped(id_), status, STATUSES[status], took)
    if found.state == "running" and found.at_work and found.at_work.id == id_:
        return Row(str(id_), wrapped(id_), "running", STATES["running"], "")
    waits = (
        pgettext("migration", "waits") if found.state in ("waiting", "running") else pgettext("migration", "not begun")
    )
    return Row(str(id_), wrapped(id_), "pending", waits, "")
