from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from medusa_migrations import api
from medusa_migrations.conf import shown_path
from medusa_migrations.management.base import MigrationCommand


class Command(MigrationCommand):
    help = "Writes an empty SQL migration for an app."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app", metavar="APP", help="The label of the app.")
        parser.add_argument("name", metavar="NAME", help='What it does, such as add_slug, AddSlug or "add slug".')
        parser.add_argument(
            "--timestamp", metavar="TS", help="YYYYMMDDHHMMSS, UTC. Default: now, after all that are there."
        )
        parser.add_argument("--dry-run", action="store_true", help="Print the file instead of writing it.")

    def work(self, **options: Any) -> None:
        made = api.make(options["app"], options["name"], timestamp=options["timestamp"], dry_run=options["dry_run"])
        for warning in made.warnings if options["verbosity"] else ():
            self.stderr.write(f"Warning: {warning}", self.style.WARNING)
        if options["dry_run"]:
            self.stdout.write(f"{made.text}\nWould create {shown_path(made.path)}")
        else:
            self.say(f"Created {shown_path(made.path)}", options)
