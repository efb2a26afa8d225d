from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from medusa_migrations.management.next_command import next_command
from medusa_migrations.owned import owned_labels

if TYPE_CHECKING:
    from django.core.management.commands.makemigrations import Command as NextCommand
else:
    NextCommand = next_command("makemigrations")


class Command(NextCommand):
    """Django's makemigrations, or that of the next app, which leaves the tables that SQL makes alone."""

    def handle(self, *app_labels: str, **options: Any) -> None:
        owned = owned_labels().intersection(app_labels) if app_labels else ()
        for label in sorted(owned):
            raise CommandError(
                f"The tables of {label!r} are made by SQL migrations. Write one: manage.py makemigration {label} NAME"
            )
        super().handle(*app_labels, **options)
