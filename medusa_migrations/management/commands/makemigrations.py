from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from medusa_migrations.files.owned import labels_with_sources, owned, taken_over
from medusa_migrations.management.next_command import next_command
from medusa_migrations.management.quick import as_command_errors
from medusa_migrations.messages import N_

if TYPE_CHECKING:
    from django.core.management.commands.makemigrations import Command as NextCommand
else:
    NextCommand = next_command("makemigrations")


class Command(NextCommand):
    """Django's makemigrations, or that of the next app, which leaves the tables that SQL makes alone."""

    def handle(self, *app_labels: str, **options: Any) -> None:
        with as_command_errors():
            labels = labels_with_sources() | taken_over().keys() if app_labels else set()
            by_sql = sorted(owned(labels.intersection(app_labels)))
            if taken_over():
                from medusa_migrations.management.detector import leaving_alone  # most projects do without

                vars(self)["autodetector"] = leaving_alone(self.autodetector)
        if by_sql:
            raise CommandError(
                N_(
                    "The tables of {app!r} are made by SQL migrations. Write one: manage.py makemigration {app} NAME",
                    app=by_sql[0],
                )
            )
        super().handle(*app_labels, **options)
