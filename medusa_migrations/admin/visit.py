"""What the pages know of whoever asks for one, and how they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.admin import AdminSite
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from medusa_migrations.migration import Direction
from medusa_migrations.models import AppliedMigration

from .message import Lines

if TYPE_CHECKING:
    from django.db.models.options import Options


class Visit(NamedTuple):
    """A request, the admin site that it came to, and what its user may do there.

    `opts` are the options of the model, of which templates make addresses and titles. `may_repair` has the names of
    repairs.
    """

    request: HttpRequest
    site: AdminSite
    opts: Options[AppliedMigration]
    may_view: bool
    may_run: bool
    may_revert: bool
    may_repair: frozenset[str] = frozenset()

    def may_carry_out(self, direction: Direction) -> bool:
        return self.may_run if direction is Direction.UP else self.may_revert

    @property
    def is_sent(self) -> bool:
        """Whether a form was sent, and not a page asked for."""
        return self.request.method == "POST"


def require(may: bool) -> None:
    """Raise PermissionDenied unless the user may."""
    if not may:
        raise PermissionDenied


def page(visit: Visit, name: str, context: dict[str, Any], status: int = 200) -> HttpResponseBase:
    """The template `name`, with what all pages have."""
    visit.request.current_app = visit.site.name
    common = {
        "opts": visit.opts,
        "may_view": visit.may_view,
        "may_run": visit.may_run,
        "may_revert": visit.may_revert,
    }
    told = {name: Lines(context[name]) for name in ("problem", "failed") if context.get(name)}
    template = f"admin/medusa_migrations/appliedmigration/{name}.html"
    context = visit.site.each_context(visit.request) | common | context | told
    return TemplateResponse(visit.request, template, context, status=status)


def databases() -> list[str]:
    """The aliases that migrations may be run on, the default one first."""
    found = [alias for alias in connections if _is_postgresql(alias)]
    return sorted(found, key=lambda alias: alias != "default") or ["default"]


def _is_postgresql(alias: str) -> bool:
    try:
        return connections[alias].vendor == "postgresql"
    except (ImproperlyConfigured, ImportError):
        return False
