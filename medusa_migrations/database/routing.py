"""What is known of one database, as far as DATABASE_ROUTERS let it have."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import router

from medusa_migrations import conf
from medusa_migrations.migration import Migration
from medusa_migrations.plan.known import Known, know

from .history import History


def read_known(history: History, migrations: Sequence[Migration], *, details: bool = False) -> Known:
    """`migrations`, in their order, beside the rows of the history; of both, only the apps that are let in.

    `details` are as for `History.rows`. Raises DatabaseError if the history cannot be read.
    """
    alias = history.session.alias
    rows = history.rows(details=details)
    labels = {migration.id.app for migration in migrations} | {row.id.app for row in rows}
    let_in = {label for label in labels if router.allow_migrate(alias, label)}
    return know(
        [migration for migration in migrations if migration.id.app in let_in],
        [row for row in rows if row.id.app in let_in],
        conf.get_settings().is_on,
    )
