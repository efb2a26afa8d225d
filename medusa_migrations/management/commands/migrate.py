from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError

from medusa_migrations.management.migrate.command import WithSql
from medusa_migrations.management.migrate.tenants import HOOK, SETTING, is_hooked
from medusa_migrations.management.next_command import next_command
from medusa_migrations.messages import N_

if TYPE_CHECKING:
    from django.core.management.commands.migrate import Command as NextCommand
else:
    NextCommand = next_command("migrate")


class Command(WithSql, NextCommand):
    """Django's migrate, or that of the next app, with the SQL migrations in its plan."""

    def handle(self, *args: Any, **options: Any) -> None:
        if getattr(settings, SETTING, None) == f"{__name__}.Command":
            raise CommandError(
                N_(
                    "{setting} names the command that runs it, in a circle. Set it to {command!r}.",
                    setting=SETTING,
                    command=HOOK,
                )
            )
        if is_hooked():  # the next command runs this app's for each schema
            NextCommand.handle(self, *args, **options)
        else:
            super().handle(*args, **options)
