"""The migrations in Django's admin: the addresses, and who may do what.

Every process of a project with the admin imports this file when it starts, so the pages are imported when one is
asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path

from medusa_migrations.conf import get_settings
from medusa_migrations.errors import SettingsError
from medusa_migrations.migration import Direction
from medusa_migrations.models import AppliedMigration

if TYPE_CHECKING:
    from .visit import Visit

    ModelAdmin = admin.ModelAdmin[AppliedMigration]
else:
    ModelAdmin = admin.ModelAdmin  # it takes no parameter when it runs


class AppliedMigrationAdmin(ModelAdmin):
    """The pages that list every migration, show each, and run and revert them.

    The addresses and the permission to view are the model's own, but an object id is `<app>.<name>`, as a pending
    migration has no row.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AppliedMigration | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AppliedMigration | None = None) -> bool:
        return False

    def has_run_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("medusa_migrations.run_migrations")

    def has_revert_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("medusa_migrations.revert_migrations")

    def has_repair_permission(self, request: HttpRequest, codename: str) -> bool:
        """Whether one of the repairs is allowed, each of which has a permission of its own."""
        return request.user.has_perm(f"medusa_migrations.{codename}")

    def _visit(self, request: HttpRequest) -> Visit:
        from .repairs import REPAIRS
        from .visit import Visit

        return Visit(
            request,
            self.admin_site,
            self.opts,
            may_view=self.has_view_permission(request),
            may_run=self.has_run_permission(request),
            may_revert=self.has_revert_permission(request),
            may_repair=frozenset(
                name for name, one in REPAIRS.items() if self.has_repair_permission(request, one.permission)
            ),
        )

    def get_urls(self) -> list[URLPattern]:
        return [
            path("run/", self._unwrapped(self.run_view), name="medusa_migrations_run"),
            path("revert/", self._unwrapped(self.revert_view), name="medusa_migrations_revert"),
            path("repair/<slug:name>/", self.admin_site.admin_view(self.repair_view), name="medusa_migrations_repair"),
            path("runs/<uuid:run>/", self.admin_site.admin_view(self.progress_view), name="medusa_migrations_progress"),
            path("journal/", self.admin_site.admin_view(self.journal_view), name="medusa_migrations_journal"),
            *super().get_urls(),
        ]

    def _unwrapped(self, view: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., Any]:
        """The view of a page that migrates, without the transactions of ATOMIC_REQUESTS.

        A migration runs over a connection of its own, and would wait for the locks that the request's transaction has
        on the tables of users and sessions.
        """
        wrapped: Callable[..., Any] = self.admin_site.admin_view(view)
        for alias in connections:
            wrapped = transaction.non_atomic_requests(using=alias)(wrapped)
        return wrapped

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from .pages import list_page

        return list_page(self._visit(request), extra_context or {})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        from .pages import migration_page

        return migration_page(self._visit(request), object_id, extra_context or {})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """The page of the migration, which has its history too."""
        return self.change_view(request, object_id, extra_context=extra_context)

    def run_view(self, request: HttpRequest) -> HttpResponseBase:
        from .pages import carry_out_page

        return carry_out_page(self._visit(request), Direction.UP)

    def revert_view(self, request: HttpRequest) -> HttpResponseBase:
        from .pages import carry_out_page

        return carry_out_page(self._visit(request), Direction.DOWN)

    def repair_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        from .repairs import repair_page

        return repair_page(self._visit(request), name)

    def progress_view(self, request: HttpRequest, run: UUID) -> HttpResponseBase:
        from .progress import progress_page

        return progress_page(self._visit(request), str(run))

    def journal_view(self, request: HttpRequest) -> HttpResponseBase:
        from .pages import journal_page

        return journal_page(self._visit(request))


def is_wanted() -> bool:
    """Whether the setting ADMIN is on. With settings that cannot be used the pages are there to say what is wrong."""
    try:
        return get_settings().admin
    except SettingsError:
        return True


if is_wanted():
    admin.site.register(AppliedMigration, AppliedMigrationAdmin)
