"""The history: what is applied. The journal: what happened."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# The table's comment has the number of its format, for older and newer versions of this app to know.
FORMAT = 2
HISTORY_COMMENT = f"History of medusa_migrations, format {FORMAT}"

# Those of a target of a fleet: who looks for the history of a database, which may be lost, means none of them.
TARGET_HISTORY_COMMENT = f"History of a schema by medusa_migrations, format {FORMAT}"
TARGET_JOURNAL_COMMENT = "Journal of a schema by medusa_migrations"


class NoRows(models.Manager[Any]):
    """A manager that has nothing."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().none()


class AppliedMigration(models.Model):
    """One applied migration, or one that is unfinished.

    Unmanaged, so that `flush` never empties it; the first run creates its table. The user's name is text, because a
    foreign key would tie the history to a table that migrations make. `dumpdata` takes what the default manager gives:
    like Django's own history this one belongs to its database, and its table may not be there.
    """

    class State(models.TextChoices):
        APPLIED = "applied", pgettext_lazy("migration", "applied")
        RUNNING = "running", pgettext_lazy("migration", "running")
        FAILED = "failed", pgettext_lazy("migration", "failed")
        REVERTING = "reverting", pgettext_lazy("migration", "reverting")
        REVERT_FAILED = "revert_failed", pgettext_lazy("migration", "failed to revert")

    id = models.BigAutoField(_("order of execution"), primary_key=True)
    app = models.CharField(pgettext_lazy("migration", "app"), max_length=255)
    name = models.CharField(_("name"), max_length=255)
    checksum = models.CharField(_("checksum"), max_length=64)
    state = models.CharField(pgettext_lazy("migration", "state"), max_length=16, choices=State)
    applied_at = models.DateTimeField(_("applied at"))
    duration_ms = models.BigIntegerField(_("duration (ms)"), null=True)
    applied_by = models.CharField(_("applied by"), max_length=255)
    run = models.UUIDField(pgettext_lazy("migration", "run"), help_text=_("What one run applied together."))
    statements_done = models.IntegerField(_("statements done"))
    progress = models.JSONField(pgettext_lazy("migration", "progress"), null=True)
    error = models.TextField(pgettext_lazy("migration", "error"))
    down = models.TextField(_("down part"), null=True)

    objects = models.Manager()
    not_dumped = NoRows()

    class Meta:
        default_manager_name = "not_dumped"
        managed = False
        db_table = "medusa_migrations"
        db_table_comment = HISTORY_COMMENT
        default_permissions = ("view",)
        permissions = [
            ("run_migrations", _("Can run migrations")),
            ("revert_migrations", _("Can revert migrations")),
            ("accept_changed_migrations", _("Can accept changed files of migrations")),
            ("mark_migrations_applied", _("Can mark migrations as applied")),
            ("mark_migrations_reverted", _("Can mark migrations as reverted")),
            ("send_migrations_again", _("Can let a statement be sent again")),
        ]
        constraints = [models.UniqueConstraint(fields=["app", "name"], name="medusa_migrations_app_name")]
        verbose_name = pgettext_lazy("migration", "migration")
        verbose_name_plural = pgettext_lazy("migration", "migrations")

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"


class MigrationLog(models.Model):
    """One thing that happened to a migration, kept for good. Unmanaged, and made with the history."""

    class Action(models.TextChoices):
        APPLIED = "applied", pgettext_lazy("migration", "applied")
        REVERTED = "reverted", pgettext_lazy("migration", "reverted")
        FAILED = "failed", pgettext_lazy("migration", "failed")
        FAKED = "faked", pgettext_lazy("migration", "recorded only")
        REPAIRED = "repaired", pgettext_lazy("migration", "repaired")
        RENAMED = "renamed", pgettext_lazy("migration", "renamed")
        RERUN = "rerun", pgettext_lazy("migration", "run again")
        HANDED_OVER = "handed_over", pgettext_lazy("migration", "handed over")
        BEGUN = "begun", pgettext_lazy("migration", "begun by a worker")
        ENDED = "ended", pgettext_lazy("migration", "ended early")
        GIVEN_UP = "given_up", pgettext_lazy("migration", "given up")

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(pgettext_lazy("migration", "at"))
    run = models.UUIDField(pgettext_lazy("migration", "run"))
    action = models.CharField(pgettext_lazy("migration", "action"), max_length=16, choices=Action)
    app = models.CharField(pgettext_lazy("migration", "app"), max_length=255)
    name = models.CharField(_("name"), max_length=255)
    checksum = models.CharField(_("checksum"), max_length=64)
    duration_ms = models.BigIntegerField(_("duration (ms)"), null=True)
    applied_by = models.CharField(_("applied by"), max_length=255)
    database_user = models.CharField(_("database user"), max_length=255)
    process = models.CharField(
        pgettext_lazy("migration", "process"), max_length=255, help_text=_("The host and the number of the process.")
    )
    release = models.CharField(pgettext_lazy("migration", "release"), max_length=255)
    database = models.CharField(pgettext_lazy("migration", "database"), max_length=255)
    sqlstate = models.CharField(pgettext_lazy("migration", "SQLSTATE"), max_length=5)
    message = models.TextField(pgettext_lazy("migration", "message"))

    objects = models.Manager()
    not_dumped = NoRows()

    class Meta:
        default_manager_name = "not_dumped"
        managed = False
        db_table = "medusa_migrations_log"
        db_table_comment = "Journal of medusa_migrations"
        default_permissions = ()
        verbose_name = _("journal entry")
        verbose_name_plural = pgettext_lazy("migration", "journal")

    def __str__(self) -> str:
        return f"{self.app}.{self.name}: {self.action}"
