"""The pages of the admin: what is asked goes in, one call of the API, and a template comes out.

A page that the user may not have raises PermissionDenied. Any error of this app is a message on the page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from medusa_migrations import api
from medusa_migrations.conf import TRANSACTION_MODES, get_settings
from medusa_migrations.errors import MigrationError, MigrationFailed
from medusa_migrations.migration import Direction
from medusa_migrations.results import LogEntry, RunResult, ShownMigration

from .journal import PER_MIGRATION, Asked, journal_context, journal_rows
from .listing import Filters, ListRow, list_context, list_row
from .log import read_log, write_entries, write_log
from .message import Lines, problem_of, said
from .parts import shown_parts
from .progress import handed_over
from .repairs import offered
from .runs import Wish, planned_rows, report_rows, slow_statements
from .visit import Visit, databases, page, require

# How many statements that may take long the confirmation names.
SHOWN_SLOW = 5
# How many migrations that need something first.
SHOWN_TO_SETTLE = 10


def list_page(visit: Visit, extra: dict[str, Any]) -> HttpResponseBase:
    """Every migration with its state, the latest first."""
    if visit.request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    require(visit.may_view)
    aliases = databases()
    chosen = Filters.parse(visit.request.GET, aliases[0])
    context: dict[str, Any] = {
        "title": pgettext("migration", "Migrations"),
        "chosen": chosen,
        "database": chosen.database,
    }
    try:
        shown = api.show(database=chosen.database)
    except MigrationError as error:
        return page(visit, "list", context | {"problem": problem_of(error)} | extra)
    context |= list_context(shown.migrations, chosen, aliases, visit.request.GET.get("p"))
    context |= {"at_work": shown.at_work, "handed_over": handed_over(chosen.database)}
    return page(visit, "list", context | extra)


def migration_page(visit: Visit, object_id: str, extra: dict[str, Any]) -> HttpResponseBase:
    """All that is known of one migration."""
    if visit.request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    require(visit.may_view)
    id_ = unquote(object_id)
    database = visit.request.GET.get("database") or databases()[0]
    context: dict[str, Any] = {"title": id_, "database": database}
    try:
        found = api.describe(id_, database=database)
    except MigrationError as error:
        return page(visit, "migration", context | {"problem": problem_of(error)} | extra)
    row = list_row(found.shown)
    context |= {
        "heading": row.wrapped,
        "found": found,
        "row": row,
        "error": Lines(found.shown.error),
        "unreadable": Lines(said(found.unreadable)),
        "at_work": found.at_work if found.shown.state == "running" else None,
        "parts": shown_parts(found),
        "repairs": offered(visit, found.shown),
        "is_irreversible": not found.reversible,
        "journal": journal_rows(_entries_of(id_, database)),
        "log": read_log(id_),
    }
    return page(visit, "migration", context | extra)


def journal_page(visit: Visit) -> HttpResponseBase:
    """What happened to migrations, the latest first."""
    if visit.request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    require(visit.may_view)
    aliases = databases()
    asked = Asked.parse(visit.request.GET, aliases[0])
    context: dict[str, Any] = {"title": pgettext("migration", "Journal"), "asked": asked, "database": asked.database}
    try:
        entries = api.log(**asked.options()).entries
    except MigrationError as error:
        return page(visit, "journal", context | {"problem": problem_of(error)})
    return page(visit, "journal", context | journal_context(entries, asked, aliases))


def carry_out_page(visit: Visit, direction: Direction) -> HttpResponseBase:
    """GET shows what would be run or reverted, and asks; POST does what was shown, or else shows what is new."""
    if visit.request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    require(visit.may_carry_out(direction))
    problem = ""
    given = visit.request.POST if visit.is_sent else visit.request.GET
    try:
        settings = get_settings()
        wish = Wish.parse(direction, given, databases()[0], settings.transaction)
        if visit.is_sent:
            return _handed_over(visit, wish) if settings.admin_engine else _report_page(visit, wish)
    except MigrationError as error:
        problem = problem_of(error)
        wish = Wish.parse(direction, given, databases()[0], "each")
    return _confirmation_page(visit, wish, problem)


def _handed_over(visit: Visit, wish: Wish) -> HttpResponseBase:
    """Have a worker carry out the wish, and lead to the page that follows it. Raises MigrationError."""
    by, expected = visit.request.user.get_username(), visit.request.POST.get("fingerprint", "")
    run = api.hand_over(**wish.handed(), applied_by=by, expected=expected)
    text = _("Handed over to a worker, to run it in the database “%(database)s”.")
    if wish.direction is Direction.DOWN:
        text = _("Handed over to a worker, to revert it in the database “%(database)s”.")
    planned = api.progress(run, database=wish.database).planned
    write_entries(visit.request, [(str(id_), text % {"database": wish.database}) for id_ in planned])
    path = reverse("admin:medusa_migrations_progress", args=[run], current_app=visit.site.name)
    return HttpResponseRedirect(f"{path}?{urlencode({'database': wish.database})}")


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
        "failed": problem_of(failed) if failed else "",
        "rows": report_rows(result, now),
        "notes": (*map(said, result.notes), *unlogged),
        "pending": pending,
        "is_run": wish.direction is Direction.UP,
    }
    return page(visit, "report", context)


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
        "databases": databases(),
        "modes": TRANSACTION_MODES,
        "problem": problem,
        "engine": _engine(),
        "handed_over": handed_over(wish.database),
    }
    try:
        plan = _plan(wish)
    except MigrationError as error:
        if problem_of(error) != problem:
            problem = f"{problem}\n{problem_of(error)}".strip()
        return page(visit, "confirm", context | {"problem": problem, "to_settle": _to_settle(visit, wish.database)})
    hidden = wish.hidden() | {"fingerprint": plan.fingerprint}
    slow = slow_statements(plan)
    context |= {
        "rows": planned_rows(plan),
        "hidden": hidden,
        "notes": [*map(said, plan.notes)],
        "is_planned": True,
        "slow": slow[:SHOWN_SLOW],
        "more_slow": len(slow[SHOWN_SLOW:]),
    }
    return page(visit, "confirm", context)


def _to_settle(visit: Visit, database: str) -> list[tuple[ListRow, list[tuple[str, str | Promise]]]]:
    """What may keep a run from anything, and the repairs of each that the user may do."""
    found = [shown for shown in _shown_now(database) if shown.state in ("changed", "failed")]
    return [(list_row(shown), offered(visit, shown)) for shown in found[:SHOWN_TO_SETTLE]]


def _engine() -> str | None:
    """What runs are handed over to; None where the settings cannot be used, of which the page tells."""
    try:
        return get_settings().admin_engine
    except MigrationError:
        return None


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
