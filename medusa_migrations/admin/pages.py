"""The pages of the admin: what is asked goes in, one call of the API, and a template comes out.

A page that the user may not have raises PermissionDenied. Any error of this app is a message on the page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import connections
from django.http import HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from medusa_migrations import api
from medusa_migrations.conf import TRANSACTION_MODES, get_settings
from medusa_migrations.errors import MigrationError, MigrationFailed
from medusa_migrations.migration import Direction
from medusa_migrations.results import LogEntry, RunResult, ShownMigration

from .journal import PER_MIGRATION, Asked, journal_context, journal_rows
from .listing import Filters, list_context, list_row
from .log import read_log, write_log
from .runs import Wish, planned_rows, report_rows, sql_of
from .visit import Visit


def list_page(visit: Visit, extra: dict[str, Any]) -> HttpResponseBase:
    """Every migration with its state, the latest first."""
    if visit.request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    _require(visit.may_view)
    databases = _databases()
    chosen = Filters.parse(visit.request.GET, databases[0])
    context: dict[str, Any] = {"title": _("Migrations"), "chosen": chosen, "database": chosen.database}
    try:
        migrations = api.show(database=chosen.database).migrations
    except MigrationError as error:
        return _page(visit, "list", context | {"problem": str(error)} | extra)
    context |= list_context(migrations, chosen, databases, visit.request.GET.get("p"))
    return _page(visit, "list", context | extra)


def migration_page(visit: Visit, object_id: str, extra: dict[str, Any]) -> HttpResponseBase:
    """All that is known of one migration."""
    if visit.request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    _require(visit.may_view)
    id_ = unquote(object_id)
    database = visit.request.GET.get("database") or _databases()[0]
    context: dict[str, Any] = {"title": id_, "database": database}
    try:
        found = api.describe(id_, database=database)
    except MigrationError as error:
        return _page(visit, "migration", context | {"problem": str(error)} | extra)
    names = {
        "up": _("Up"),
        "down": _("Down"),
        "stored down": _("Down, as the history has stored it"),
        "file": _("File"),
    }
    context |= {
        "found": found,
        "row": list_row(found.shown),
        "parts": [sql_of(names[part.name], part.sql) for part in found.parts],
        "is_irreversible": not found.reversible,
        "journal": journal_rows(_entries_of(id_, database)),
        "log": read_log(id_),
    }
    return _page(visit, "migration", context | extra)


def journal_page(visit: Visit) -> HttpResponseBase:
    """What happened to migrations, the latest first."""
    if visit.request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    _require(visit.may_view)
    databases = _databases()
    asked = Asked.parse(visit.request.GET, databases[0])
    context: dict[str, Any] = {"title": _("Journal"), "asked": asked, "database": asked.database}
    try:
        entries = api.log(**asked.options()).entries
    except MigrationError as error:
        return _page(visit, "journal", context | {"problem": str(error)})
    return _page(visit, "journal", context | journal_context(entries, asked, databases))


def carry_out_page(visit: Visit, direction: Direction) -> HttpResponseBase:
    """GET shows what would be run or reverted, and asks; POST does what was shown, or else shows what is new."""
    if visit.request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    _require(visit.may_carry_out(direction))
    problem = ""
    is_sent = visit.request.method == "POST"
    given = visit.request.POST if is_sent else visit.request.GET
    try:
        wish = Wish.parse(direction, given, _databases()[0], get_settings().transaction)
        if is_sent:
            return _report_page(visit, wish)
    except MigrationError as error:
        problem = str(error)
        wish = Wish.parse(direction, given, _databases()[0], "each")
    return _confirmation_page(visit, wish, problem)


def _report_page(visit: Visit, wish: Wish) -> HttpResponseBase:
    """Carry out the wish, and report what was done. Raises MigrationError if nothing was begun.

    The report is the answer to the form, and no page that the answer redirects to: until then it would have to be kept
    in the session or in messages, and the migrations may just have changed their tables. The browser's reload, which
    sends the form again, does no harm: the form has the fingerprint of what is done by now, and what would be done next
    has another. After a failure it tries again what failed.
    """
    failed: MigrationFailed | None = None
    try:
        result = _carry_out(visit, wish)
    except MigrationFailed as error:
        failed, result = error, error.result
    unlogged = () if write_log(visit.request, result) else (_("This could not be written to the admin’s log."),)
    now = _shown_now(wish.database)
    pending = sum(shown.state == "pending" for shown in now)
    context = {
        "title": _report_title(wish.direction, failed is not None),
        "wish": wish,
        "database": wish.database,
        "failed": str(failed or ""),
        "rows": report_rows(result, now),
        "notes": (*result.notes, *unlogged),
        "pending": pending,
    }
    return _page(visit, "report", context)


def _report_title(direction: Direction, is_failed: bool) -> str:
    if direction is Direction.UP:
        return _("The run has failed") if is_failed else _("The run is done")
    return _("The revert has failed") if is_failed else _("The revert is done")


def _carry_out(visit: Visit, wish: Wish) -> RunResult:
    """Run or revert as the user of the visit, provided that the plan is still the one that the form was made of."""
    return _verb(wish.direction)(
        lock_wait=0,
        applied_by=visit.request.user.get_username(),
        expected=visit.request.POST.get("fingerprint", ""),
        **wish.options(),
    )


def _plan(wish: Wish) -> RunResult:
    """What would be done, with its SQL."""
    return _verb(wish.direction)(sql=True, **wish.options())


def _verb(direction: Direction) -> Callable[..., RunResult]:
    return api.run if direction is Direction.UP else api.revert


def _confirmation_page(visit: Visit, wish: Wish, problem: str) -> HttpResponseBase:
    """Show the plan of the wish and ask to confirm it, or say why there is none. `problem` is what failed before."""
    is_run = wish.direction is Direction.UP
    context = {
        "title": _("Run pending migrations") if is_run else _("Revert migrations"),
        "wish": wish,
        "is_run": is_run,
        "database": wish.database,
        "databases": _databases(),
        "modes": TRANSACTION_MODES,
        "problem": problem,
    }
    try:
        plan = _plan(wish)
    except MigrationError as error:
        if str(error) != problem:
            problem = f"{problem}\n{error}".strip()
        return _page(visit, "confirm", context | {"problem": problem})
    hidden = wish.hidden() | {"fingerprint": plan.fingerprint}
    context |= {"rows": planned_rows(plan), "hidden": hidden, "notes": plan.notes, "is_planned": True}
    return _page(visit, "confirm", context)


def _page(visit: Visit, name: str, context: dict[str, Any]) -> HttpResponseBase:
    visit.request.current_app = visit.site.name
    common = {
        "opts": visit.opts,
        "may_view": visit.may_view,
        "may_run": visit.may_run,
        "may_revert": visit.may_revert,
    }
    template = f"admin/medusa_migrations/appliedmigration/{name}.html"
    return TemplateResponse(visit.request, template, visit.site.each_context(visit.request) | common | context)


def _require(may: bool) -> None:
    if not may:
        raise PermissionDenied


def _databases() -> list[str]:
    """The aliases that migrations may be run on, the default one first."""
    found = [alias for alias in connections if _is_postgresql(alias)]
    return sorted(found, key=lambda alias: alias != "default") or ["default"]


def _is_postgresql(alias: str) -> bool:
    try:
        return connections[alias].vendor == "postgresql"
    except (ImproperlyConfigured, ImportError):
        return False


def _entries_of(id_: str, database: str) -> tuple[LogEntry, ...]:
    """The last entries of the journal on a migration; none if it cannot be read, as the page has more to tell."""
    try:
        return api.log(id=id_, limit=PER_MIGRATION, database=database).entries
    except MigrationError:
        return ()


def _shown_now(database: str) -> tuple[ShownMigration, ...]:
    """All migrations with their states; none if that cannot be known, as the report of what was done is worth more."""
    try:
        return api.show(database=database).migrations
    except MigrationError:
        return ()
