from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from medusa_migrations import api
from medusa_migrations.management.base import ExecutionCommand, add_app
from medusa_migrations.management.stop import stopped_by_signals
from medusa_migrations.migration import Direction


class Command(ExecutionCommand):
    help = "Undoes the migration that was applied last, or more of them."
    direction = Direction.DOWN

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_app(parser, "Only this app's.")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--steps", type=int, metavar="N", help="The last N.")
        which.add_argument("--to", metavar="ID", help="All that were applied after this one, which stays.")
        which.add_argument("--last-run", action="store_true", help="All that the last run applied.")
        which.add_argument("--all", action="store_true", help="All of them.")
        which.add_argument("--missing", action="store_true", help="All that have no file, by their stored down parts.")
        which.add_argument("--to-release", metavar="NAME", help="All that releases after this one applied.")
        which.add_argument("--since", metavar="WHEN", help='All that was applied after it, as "2026-11-28 14:00".')

    def work(self, **options: Any) -> None:
        which = {name: options[name] for name in ("steps", "last_run", "all", "missing", "to_release", "since")}
        with stopped_by_signals() as interruption:
            result = api.revert(interruption=interruption, **which, **self.execution(options))
        self.report(result, options)
        if not result.migrations and not options["json"] and not options["sql"]:
            since = options["since"]
            self.say(f"Nothing was applied after {since}." if since else "There is nothing to revert.", options)
