from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medusa_migrations.management.extended.one import sql_of
from medusa_migrations.management.extended.rendered import with_models_of_today
from medusa_migrations.management.next_command import next_command
from medusa_migrations.management.quick import as_command_errors
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction

if TYPE_CHECKING:
    from django.core.management.commands.sqlmigrate import Command as NextCommand
else:
    NextCommand = next_command("sqlmigrate")


class Command(NextCommand):
    """Django's sqlmigrate, or that of the next app, which prints SQL migrations too."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        direction = Direction.DOWN if options["backwards"] else Direction.UP
        with as_command_errors():
            shown = sql_of(options["app_label"], options["migration_name"], direction, options["database"])
        if shown is None:
            with with_models_of_today():
                return super().handle(*args, **options)
        self.output_transaction = shown.transactional
        if not shown.sql and options["verbosity"] >= 1:
            self.stderr.write(N_("No operations found."))
        return shown.sql
