"""The admin's log of what was run and reverted, as far as it can be written and read."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import Error, router, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from medusa_migrations.migration import Direction
from medusa_migrations.models import AppliedMigration
from medusa_migrations.results import MigrationResult, RunResult

SHOWN_ENTRIES = 20


def write_log(request: HttpRequest, result: RunResult) -> bool:
    """Log each migration of a run, as `write_entries`."""
    return write_entries(request, [(str(one.id), _message(one, result)) for one in result.migrations])


def write_entries(request: HttpRequest, entries: Iterable[tuple[str, str]]) -> bool:
    """Log ids with what was done, and return whether that was possible: a migration may have dropped the log."""
    try:
        with transaction.atomic(using=router.db_for_write(LogEntry)):
            type_ = ContentType.objects.get_for_model(AppliedMigration)
            LogEntry.objects.bulk_create(
                LogEntry(
                    user_id=str(request.user.pk),
                    content_type=type_,
                    object_id=id_,
                    object_repr=id_[:200],
                    action_flag=CHANGE,
                    change_message=message,
                )
                for id_, message in entries
            )
    except Error:
        return False
    return True


def read_log(id_: str) -> list[LogEntry]:
    """The last entries of the log on a migration, the latest first; none if the log cannot be read."""
    try:
        with transaction.atomic(using=router.db_for_read(LogEntry)):
            type_ = ContentType.objects.get_for_model(AppliedMigration)
            entries = LogEntry.objects.filter(content_type=type_, object_id=id_).select_related("user")
            return list(entries[:SHOWN_ENTRIES])
    except Error:
        return []


def _message(one: MigrationResult, result: RunResult) -> str:
    """What the log says of one migration of a run."""
    is_run = result.direction is Direction.UP
    text = {
        "applied": _("Applied in the database “%(database)s”."),
        "faked": _("Recorded in the database “%(database)s”: what it makes was there already."),
        "reverted": _("Reverted in the database “%(database)s”."),
        "rolled_back": _("Rolled back in the database “%(database)s”."),
        "failed": _("Failed to apply in the database “%(database)s”: %(message)s")
        if is_run
        else _("Failed to revert in the database “%(database)s”: %(message)s"),
    }[one.status]
    return text % {"database": result.database, "message": result.error.message if result.error else ""}
