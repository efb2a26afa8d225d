from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from medusa_migrations import api
from medusa_migrations.conf import shown_path
from medusa_migrations.errors import MigrationError
from medusa_migrations.management.base import MigrationCommand, add_json
from medusa_migrations.management.console import built_line, deliver, warn, written
from medusa_migrations.management.documents import build_json
from medusa_migrations.messages import N_


class Command(MigrationCommand):
    help = N_("Collects the SQL migrations of all installed apps into the folder that a release runs.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help=N_("Exit with 1 if the build differs from the sources; write nothing.")
        )
        add_json(parser)

        parser.add_argument(
            "--release",
            metavar="NAME",
            help=N_("What this build is of, such as v42: the journal has it of what is run."),
        )

    def work(self, **options: Any) -> None:
        with self.console(options) as listener:
            result = api.build(check=options["check"], release=options["release"], listener=listener)
        if options["verbosity"] > 0:
            warn(self.stderr, self.style, result)
        if options["json"]:
            deliver(self.stdout, build_json(result))
        if not options["check"]:
            self.say(built_line(result), options)
        elif result.is_current:
            self.say(N_("{path} is what the sources give.", path=shown_path(result.dist_dir)), options)
        else:
            raise CommandError(
                N_("{path} differs from the sources. Run migrations_build.", path=shown_path(result.dist_dir))
            )

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        if options["json"]:
            written(self.stdout, build_json(None, str(error)))
