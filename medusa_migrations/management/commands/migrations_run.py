from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from django.core.management.base import CommandError

from medusa_migrations import api
from medusa_migrations.management.base import ExecutionCommand, add_app
from medusa_migrations.management.console import plural
from medusa_migrations.management.stop import stopped_by_signals
from medusa_migrations.messages import N_


class Command(ExecutionCommand):
    help = N_("Applies the pending SQL migrations.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_app(parser, N_("Only this app's, and what they depend on."))
        parser.add_argument("--to", metavar="ID", help=N_("All pending up to this one, in their order."))
        parser.add_argument(
            "--check", action="store_true", help=N_("Exit with 1 if something is pending; change nothing.")
        )
        parser.add_argument(
            "--phase",
            metavar="before|after",
            help=N_("before: hold back what is for when the new code is live. after: run what is left. Default: all."),
        )
        parser.add_argument(
            "--strict",
            action=BooleanOptionalAction,
            default=None,
            help=N_("Refuse a late arrival, which would run out of order, or do not. Default: OUT_OF_ORDER."),
        )

    def work(self, **options: Any) -> None:
        with stopped_by_signals() as interruption, self.console(options) as console:
            chosen = {name: options[name] for name in ("check", "strict", "phase")}
            result = api.run(**chosen, listener=console, interruption=interruption, **self.execution(options))
        self.report(result, options)
        if not result.migrations and not options["sql"]:
            self.say(N_("No migrations to apply."), options)
        if options["check"] and result.migrations:
            pending = ", ".join(str(one.id) for one in result.migrations)
            raise CommandError(
                N_(
                    "{migrations} pending: {pending}. Run migrations_run.",
                    migrations=plural(len(result.migrations)),
                    pending=pending,
                )
            )
