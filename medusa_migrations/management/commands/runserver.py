from __future__ import annotations

from typing import TYPE_CHECKING

from medusa_migrations.management.next_command import next_command

if TYPE_CHECKING:
    from django.core.management.commands.runserver import Command as NextCommand
else:
    NextCommand = next_command("runserver")


class Command(NextCommand):
    """Django's runserver, or that of the next app, which tells of SQL migrations that are pending too."""

    def check_migrations(self) -> None:
        super().check_migrations()
        from medusa_migrations.management.extended.notice import tell_pending  # --help and broken settings do without

        tell_pending(self)
