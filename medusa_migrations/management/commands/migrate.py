from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations import conf
from medusa_migrations.checks import files_are_left_out
from medusa_migrations.console import Console
from medusa_migrations.management.base import QuickStart, add_lock, as_command_errors
from medusa_migrations.management.next_command import next_command
from medusa_migrations.owned import are_migrations_disabled, labels_with_sources, owned_labels

if TYPE_CHECKING:
    from django.core.management.commands.migrate import Command as NextCommand
else:
    NextCommand = next_command("migrate")

_DISABLED = (
    "The tables are made from the models, without migrations of either kind (--no-migrations, TEST['MIGRATE'] or "
    "MIGRATION_MODULES). What only SQL migrations make is missing: views, triggers, functions, constraints, rows."
)


class Command(QuickStart, NextCommand):
    """Django's migrate, or that of the next app, with the SQL migrations in its plan."""

    owned: frozenset[str] = frozenset()

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_lock(parser)

    def check(self, *args: Any, **kwargs: Any) -> None:
        token = files_are_left_out.set(True)
        try:
            super().check(*args, **kwargs)
        finally:
            files_are_left_out.reset(token)

    def handle(self, *args: Any, **options: Any) -> None:
        with as_command_errors():
            if connections[options["database"]].vendor != "postgresql" or not labels_with_sources():
                super().handle(*args, **options)
            elif are_migrations_disabled():
                self.stderr.write(_DISABLED, self.style.WARNING)
                super().handle(*args, **options)
            else:
                self.owned = frozenset(owned_labels())
                self.handle_both(*args, **options)

    def handle_both(self, *args: Any, **options: Any) -> None:
        is_on = conf.is_testing() or conf.get_settings().run_on_migrate
        label, name = options["app_label"], options["migration_name"]
        if label in self.owned and (name or not is_on):
            raise CommandError(
                f"The tables of {label!r} are made by SQL migrations. Use migrations_run {label}, with --to up to one "
                f"of them, or migrations_revert {label}."
            )
        if is_on:
            # Both are imported here: a project without SQL migrations pays for neither.
            from medusa_migrations.migrate_bridge import Asked, bridged

            asked = Asked(
                database=options["database"],
                app_label=label,
                migration_name=name,
                fake=options["fake"],
                only_look=options["plan"] or options["check_unapplied"],
                lock=options["lock"],
                lock_wait=options["lock_wait"],
            )
            console = Console(self.stdout, self.stderr, self.style, options["verbosity"], headed=True)
            with bridged(asked, console):
                super().handle(*args, **options)
        else:
            super().handle(*args, **options)
        if conf.is_testing():
            from medusa_migrations.serialization import keep_rows

            keep_rows(connections[options["database"]], self.owned)

    def sync_apps(self, connection: BaseDatabaseWrapper, app_labels: Container[str]) -> None:
        """As Django's, for --run-syncdb; it makes no tables that SQL makes."""
        labels = {app.label for app in apps.get_app_configs() if app.label in app_labels}
        super().sync_apps(connection, labels - self.owned)
