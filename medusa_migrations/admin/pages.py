"""The pages of the admin: what is asked goes in, one call of the API, and a template comes out.

Whoever may not is told so with 403. Any error of this app's is a message on the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.paginator import Paginator
from django.db import Error, connections, router, transaction
from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from medusa_migrations import api
from medusa_migrations.conf import TRANSACTION_MODES, get_settings
from medusa_migrations.errors import MigrationError, MigrationFailed
from medusa_migrations.migration import Direction
from medusa_migrations.models import AppliedMigration
from medusa_migrations.results import RunResult, ShownMigration

from .listing import Filters, filters_of, list_row, page_links
from .runs import Wish, log_message, planned_rows, report_rows, sql_of

if TYPE_CHECKING:
    from . import AppliedMigrationAdmin

PER_PAGE = 100
LOG_ENTRIES = 20


def list_page(
    model_admin: AppliedMigrationAdmin, request: HttpRequest, extra: dict[str, Any] | None = None
) -> HttpResponseBase:
    """Every migration with its state, the latest first."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    _require(model_admin.has_view_permission(request))
    databases = _databases()
    chosen = Filters.parse(request.GET, databases[0])
    context: dict[str, Any] = {"title": _("Migrations"), "chosen": chosen, "database": chosen.database}
    try:
        migrations = api.show(database=chosen.database).migrations
    except MigrationError as error:
        return _page(model_admin, request, "list", context | {"problem": str(error)} | (extra or {}))
    found = [shown for shown in reversed(migrations) if chosen.matches(shown)]
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("p"))
    context |= {
        "rows": [list_row(shown) for shown in page],
        "page": page,
        "pages": page_links(page, chosen) if page.has_other_pages() else [],
        "count": len(found),
        "full_count": len(migrations),
        "filters": filters_of(migrations, chosen, databases),
        "clear": Filters(chosen.database).query(),
        "is_filtered": Filters(chosen.database) != chosen,
    }
    return _page(model_admin, request, "list", context | (extra or {}))


def migration_page(
    model_admin: AppliedMigrationAdmin, request: HttpRequest, object_id: str, extra: dict[str, Any] | None = None
) -> HttpResponseBase:
    """All there is to know of one migration."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    _require(model_admin.has_view_permission(request))
    id_ = unquote(object_id)
    database = request.GET.get("database") or _databases()[0]
    context: dict[str, Any] = {"title": id_, "database": database}
    try:
        found = api.describe(id_, database=database)
    except MigrationError as error:
        return _page(model_admin, request, "migration", context | {"problem": str(error)} | (extra or {}))
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
        "log": _log_of(id_),
    }
    return _page(model_admin, request, "migration", context | (extra or {}))


def carry_out_page(model_admin: AppliedMigrationAdmin, request: HttpRequest, direction: Direction) -> HttpResponseBase:
    """GET shows what would be run or reverted, and asks; POST does what was shown, or else shows what is new."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    _require(model_admin.may_carry_out(direction, request))
    problem = ""
    given = request.POST if request.method == "POST" else request.GET
    try:
        wish = Wish.parse(direction, given, _databases()[0], get_settings().transaction)
        if request.method == "POST":
            return _carried_out(model_admin, request, wish)
    except MigrationError as error:
        problem = str(error)
        wish = Wish.parse(direction, given, _databases()[0], "each")
    return _confirmation(model_admin, request, wish, problem)


def _carried_out(model_admin: AppliedMigrationAdmin, request: HttpRequest, wish: Wish) -> HttpResponseBase:
    """The report of what was done. Raises MigrationError where there is none.

    It is the answer itself and no redirect to it: where it would have to be kept meanwhile, in the session or in
    messages, may be what the migrations have just changed. To send the form again with the browser's reload is harmless
    all the same: it carries the fingerprint of what has been done, and what would be done next is not that. After a
    failure it tries again what failed.
    """
    failed: MigrationFailed | None = None
    try:
        result = _call(wish, request)
    except MigrationFailed as error:
        failed, result = error, error.result
    unlogged = () if _log(request, result) else (_("This could not be written to the admin’s log."),)
    now = _states(wish.database)
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
    return _page(model_admin, request, "report", context)


def _report_title(direction: Direction, is_failed: bool) -> str:
    if direction is Direction.UP:
        return _("The run has failed") if is_failed else _("The run is done")
    return _("The revert has failed") if is_failed else _("The revert is done")


def _call(wish: Wish, request: HttpRequest | None = None) -> RunResult:
    """Carry out the wish as the user of `request`, who was shown its plan; without one only look at the plan."""
    call = api.run if wish.direction is Direction.UP else api.revert
    if request is None:
        return call(sql=True, **wish.options())
    return call(
        lock_wait=0,
        applied_by=request.user.get_username(),
        expected=request.POST.get("fingerprint", ""),
        **wish.options(),
    )


def _confirmation(
    model_admin: AppliedMigrationAdmin, request: HttpRequest, wish: Wish, problem: str
) -> HttpResponseBase:
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
        plan = _call(wish)
    except MigrationError as error:
        if str(error) != problem:
            problem = f"{problem}\n{error}".strip()
        return _page(model_admin, request, "confirm", context | {"problem": problem})
    hidden = wish.hidden() | {"fingerprint": plan.fingerprint}
    context |= {"rows": planned_rows(plan), "hidden": hidden, "notes": plan.notes, "is_planned": True}
    return _page(model_admin, request, "confirm", context)


def _page(
    model_admin: AppliedMigrationAdmin, request: HttpRequest, name: str, context: dict[str, Any]
) -> HttpResponseBase:
    request.current_app = model_admin.admin_site.name
    common = {
        "opts": model_admin.opts,
        "may_view": model_admin.has_view_permission(request),
        "may_run": model_admin.has_run_permission(request),
        "may_revert": model_admin.has_revert_permission(request),
    }
    template = f"admin/medusa_migrations/appliedmigration/{name}.html"
    return TemplateResponse(request, template, model_admin.admin_site.each_context(request) | common | context)


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


def _states(database: str) -> tuple[ShownMigration, ...]:
    try:
        return api.show(database=database).migrations
    except MigrationError:
        return ()  # the report of what was done is worth more than what cannot be known now


def _log(request: HttpRequest, result: RunResult) -> bool:
    """Write each migration of a run into the admin's log; tells whether it could: a migration may have dropped it."""
    try:
        with transaction.atomic(using=router.db_for_write(LogEntry)):
            type_ = ContentType.objects.get_for_model(AppliedMigration)
            LogEntry.objects.bulk_create(
                LogEntry(
                    user_id=str(request.user.pk),
                    content_type=type_,
                    object_id=str(one.id),
                    object_repr=str(one.id)[:200],
                    action_flag=CHANGE,
                    change_message=log_message(one, result),
                )
                for one in result.migrations
            )
    except Error:
        return False
    return True


def _log_of(id_: str) -> list[LogEntry]:
    """What the admin's log has of a migration; nothing if there is none."""
    try:
        with transaction.atomic(using=router.db_for_read(LogEntry)):
            type_ = ContentType.objects.get_for_model(AppliedMigration)
            entries = LogEntry.objects.filter(content_type=type_, object_id=id_).select_related("user")
            return list(entries[:LOG_ENTRIES])
    except Error:
        return []
