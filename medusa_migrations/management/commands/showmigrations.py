from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medusa_migrations.management.extended.concern import is_left_to_django
from medusa_migrations.management.next_command import next_command
from medusa_migrations.management.quick import as_command_errors

if TYPE_CHECKING:
    from django.core.management.commands.showmigrations import Command as NextCommand

    from medusa_migrations.management.extended.listing import Line
else:
    NextCommand = next_command("showmigrations")


class Command(NextCommand):
    """Django's showmigrations, or that of the next app, with the SQL migrations between its lines."""

    def handle(self, *args: Any, **options: Any) -> None:
        with as_command_errors():
            if is_left_to_django(options["database"]):
                super().handle(*args, **options)
            else:
                for line in self.with_sql(*args, **options):
                    self.stdout.write(*line)

    def with_sql(self, *args: Any, **options: Any) -> list[Line]:
        from medusa_migrations.management.extended.listing import Listing  # others need not pay for it

        listing = Listing.of(options, self.style)
        lines = self.lines(*args, **options)
        if options["format"] != "plan":
            return listing.by_app(lines)
        whole = self.lines(*args, **options | {"app_label": []}) if options["app_label"] else lines
        return listing.planned(lines, whole)

    def lines(self, *args: Any, **options: Any) -> list[Line]:
        """What the next command would write."""
        from medusa_migrations.management.extended.listing import Lines

        kept = self.stdout
        self.stdout = taken = Lines()
        try:
            super().handle(*args, **options)
        finally:
            self.stdout = kept
        return taken.lines
