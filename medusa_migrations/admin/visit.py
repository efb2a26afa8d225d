"""What the pages know of whoever asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from medusa_migrations.migration import Direction
from medusa_migrations.models import AppliedMigration

if TYPE_CHECKING:
    from django.db.models.options import Options


class Visit(NamedTuple):
    """A request, the admin site that it came to, and what its user may do there.

    `opts` are the options of the model, of which templates make addresses and titles.
    """

    request: HttpRequest
    site: AdminSite
    opts: Options[AppliedMigration]
    may_view: bool
    may_run: bool
    may_revert: bool

    def may_carry_out(self, direction: Direction) -> bool:
        return self.may_run if direction is Direction.UP else self.may_revert
