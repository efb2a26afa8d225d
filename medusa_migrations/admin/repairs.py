"""The repairs: what each does, for which migrations it is offered, and the page that asks before one is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medusa_migrations import api
from medusa_migrations.errors import MigrationError
from medusa_migrations.results import Description, ShownMigration

from .listing import list_row
from .log import write_entries
from .message import Lines, problem_of
from .parts import shown_parts
from .visit import Visit, databases, page, require


@dataclass(frozen=True, slots=True)
class Repair:
    """One way to settle the history by hand.

    `permission` is its codename, `option` the argument of `api.repair`. `states` are those for which it is offered.
    """

    permission: str
    option: str
    states: Collection[str]
    title: str | Promise
    effect: str | Promise
    button: str | Promise
    done: str | Promise

    def fits(self, shown: ShownMigration) -> bool:
        """Whether it is offered for a migration."""
        return shown.state in self.states and (self.option != "send_again" or shown.in_part)


# By the names that addresses have.
REPAIRS: Mapping[str, Repair] = {
    "accept": Repair(
        "accept_changed_migrations",
        "accept_changes",
        ("changed",),
        gettext_lazy("Accept the changed file"),
        gettext_lazy(
            "The history is given the checksum and the down part of the file as it is now. No SQL is sent: what the "
            "file had made before stays as it is, so accept only what makes the same."
        ),
        gettext_lazy("Yes, accept the file as it is now"),
        gettext_lazy("The changed file is accepted."),
    ),
    "applied": Repair(
        "mark_migrations_applied",
        "mark_applied",
        ("pending", "failed"),
        gettext_lazy("Mark as applied"),
        gettext_lazy(
            "The history says from now on that all of it is applied, and no run sends it again. No SQL is sent: do so "
            "only where the database has all that its up part makes."
        ),
        gettext_lazy("Yes, mark it as applied"),
        gettext_lazy("It is marked as applied."),
    ),
    "reverted": Repair(
        "mark_migrations_reverted",
        "mark_reverted",
        ("failed", "missing", "changed"),
        gettext_lazy("Mark as reverted"),
        gettext_lazy(
            "The history forgets that it was applied, and with its file there it is pending again. No SQL is sent: do "
            "so only where the database has nothing of what its up part makes."
        ),
        gettext_lazy("Yes, mark it as reverted"),
        gettext_lazy("It is marked as reverted."),
    ),
    "again": Repair(
        "send_migrations_again",
        "send_again",
        ("failed",),
        gettext_lazy("Let its statement be sent again"),
        gettext_lazy(
            "The statement at which it stopped may be committed in part, so no run sends it again by itself. After "
            "this, the next one does. See first what it has done."
        ),
        gettext_lazy("Yes, it may be sent again"),
        gettext_lazy("The statement at which it stopped may be sent again."),
    ),
}


def offered(visit: Visit, shown: ShownMigration) -> list[tuple[str, str | Promise]]:
    """The names and titles of the repairs that a migration may need and the user may do."""
    return [(name, one.title) for name, one in REPAIRS.items() if name in visit.may_repair and one.fits(shown)]


def repair_page(visit: Visit, name: str) -> HttpResponseBase:
    """GET shows one migration and what a repair does to it, and asks; POST does it if the migration is as it was."""
    if visit.request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    if name not in REPAIRS:
        raise Http404
    require(name in visit.may_repair)
    given = visit.request.POST if visit.is_sent else visit.request.GET
    id_, database = given.get("id", ""), given.get("database") or databases()[0]
    problem = ""
    if visit.is_sent:
        try:
            return _done(visit, name, id_, database, given.get("fingerprint", ""))
        except MigrationError as error:
            problem = problem_of(error)
    return _question(visit, name, id_, database, problem)


def _done(visit: Visit, name: str, id_: str, database: str, fingerprint: str) -> HttpResponseBase:
    """Do it, and lead to the migration. Raises MigrationError."""
    repair = REPAIRS[name]
    by = visit.request.user.get_username()
    options: dict[str, Any] = {repair.option: [id_]}
    api.repair(**options, database=database, lock_wait=0, applied_by=by, expected=fingerprint)
    in_database = _("In the database “%(database)s”: %(what)s") % {"database": database, "what": repair.done}
    write_entries(visit.request, [(id_, in_database)])
    messages.success(visit.request, f"{repair.done} ({id_})", fail_silently=True)  # it begins with a capital there
    return HttpResponseRedirect(address_of(visit, id_, database))


def address_of(visit: Visit, id_: str, database: str) -> str:
    """Where the migration's page is; for who may not view it, the index."""
    site = visit.site.name
    if not visit.may_view:
        return reverse("admin:index", current_app=site)
    from django.contrib.admin.utils import quote

    path = reverse("admin:medusa_migrations_appliedmigration_change", args=[quote(id_)], current_app=site)
    return f"{path}?{urlencode({'database': database})}"


def _question(visit: Visit, name: str, id_: str, database: str, problem: str) -> HttpResponseBase:
    repair = REPAIRS[name]
    context: dict[str, Any] = {"title": repair.title, "repair": repair, "id": id_, "database": database}
    try:
        found = api.describe(id_, database=database)
    except MigrationError as error:
        text = problem_of(error)
        return page(visit, "repair", context | {"problem": text if text == problem else f"{problem}\n{text}".strip()})
    if not repair.fits(found.shown):
        unfit = _("This is not what a migration needs that is in this state: %(state)s.") % {
            "state": list_row(found.shown).state_text
        }
        return page(visit, "repair", context | _facts(found) | {"problem": problem or unfit})
    hidden = {"id": id_, "database": database, "fingerprint": found.fingerprint}
    back = address_of(visit, id_, database)
    return page(visit, "repair", context | _facts(found) | {"problem": problem, "hidden": hidden, "back": back})


def _facts(found: Description) -> dict[str, Any]:
    return {
        "found": found,
        "row": list_row(found.shown),
        "error": Lines(found.shown.error),
        "parts": shown_parts(found),
    }
