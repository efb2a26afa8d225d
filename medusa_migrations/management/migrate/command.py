"""Django's migrate with the SQL migrations in its plan."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Container
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as DjangosCommand
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.files.owned import is_migrated_model_extended, sql_labels, taken_over
from medusa_migrations.management.checks import checked_later
from medusa_migrations.management.quick import QuickStart, as_command_errors

from .tenants import is_left_to_django

if TYPE_CHECKING:
    from django.core.management.commands.migrate import Command as Migrate
else:
    Migrate = QuickStart


def _renderable() -> contextlib.AbstractContextManager[Any]:
    """Have Django migrate, without SQL, where it could not render a model that extends one that is not there yet.

    Such an app has no migrations of either kind, or its SQL migrations are not run here. The same where SQL has taken
    over an app: the content types and permissions at the end are those of the models of today.
    """
    if not (is_migrated_model_extended() or taken_over()):
        return contextlib.nullcontext()
    from .bridge import executor_replaced

    return executor_replaced


class WithSql(Migrate):
    """Before a class of Django's command among the bases: has the SQL migrations in its plan."""

    owned: Collection[str] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        from medusa_migrations.management.base import add_lock  # a check imports this file, and has no options

        super().add_arguments(parser)
        add_lock(parser)

    def check(self, *args: Any, **kwargs: Any) -> None:
        with checked_later():
            super().check(*args, **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        with as_command_errors(options):
            connection = connections[options["database"]]
            if connection.vendor != "postgresql":
                super().handle(*args, **options)
                return
            if taken_over():
                from medusa_migrations.management.detector import leaving_alone  # most projects do without

                vars(self)["autodetector"] = leaving_alone(self.autodetector)
            if not sql_labels() or is_left_to_django(connection):
                with _renderable():
                    super().handle(*args, **options)
                return
            from medusa_migrations.management.console import Console
            from medusa_migrations.management.migrate.bridge import bridged  # others need not pay for it
            from medusa_migrations.management.migrate.run import Asked

            asked = Asked(
                database=options["database"],
                app_label=options["app_label"],
                migration_name=options["migration_name"],
                fake=options["fake"],
                only_look=options["plan"] or options["check_unapplied"],
                lock=options.get("lock", True),  # another app's command, of which this is a part, does not know it
                lock_wait=options.get("lock_wait"),
            )
            with (
                Console(self.stdout, self.stderr, self.style, options["verbosity"], headed=True) as console,
                bridged(asked, console) as by_sql,
            ):
                self.owned = by_sql
                super().handle(*args, **options)

    def sync_apps(self, connection: BaseDatabaseWrapper, app_labels: Container[str]) -> None:
        """As Django's, for --run-syncdb; it makes no tables that SQL makes."""
        labels = {app.label for app in apps.get_app_configs() if app.label in app_labels}
        super().sync_apps(connection, labels.difference(self.owned))


class Command(WithSql, DjangosCommand):
    """Django's own command with SQL migrations, for a command that calls it for one schema after the other."""
