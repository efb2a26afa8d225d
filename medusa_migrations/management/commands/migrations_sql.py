from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from medusa_migrations import api
from medusa_migrations.errors import MigrationError
from medusa_migrations.management.base import MigrationCommand, add_database
from medusa_migrations.management.console import deliver, written
from medusa_migrations.management.review import review_json, review_markdown, review_text
from medusa_migrations.messages import N_

_FORMATS = {"text": review_text, "markdown": review_markdown, "json": review_json}


class Command(MigrationCommand):
    help = N_(
        "Prints the SQL of migrations for review, without a database, with what it drops and what is to be known."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help=N_("Which migrations. Default: all."))
        parser.add_argument(
            "--changed-since",
            metavar="GITREF",
            help=N_("Those whose files are new or changed since the branch left it."),
        )
        parser.add_argument("--down", action="store_true", help=N_("Their down parts, the last migration first."))
        parser.add_argument(
            "--with-history",
            action="store_true",
            help=N_("A script for psql that applies what is pending and records it. Reads the history of --database."),
        )
        parser.add_argument("--format", choices=list(_FORMATS), default="text", help=N_("Default: text."))
        add_database(parser)

    def work(self, **options: Any) -> None:
        if options["with_history"] and options["format"] == "markdown":
            raise CommandError(N_("--with-history gives a script for psql: leave out --format markdown."))
        names = ("ids", "changed_since", "down", "with_history", "database")
        result = api.sql(**{name: options[name] for name in names})
        deliver(self.stdout, _FORMATS[options["format"]](result))

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        if options["format"] == "json":
            written(self.stdout, json.dumps({"error": {"message": str(error)}}, indent=2, ensure_ascii=False))
