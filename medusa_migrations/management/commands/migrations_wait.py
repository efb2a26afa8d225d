from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from medusa_migrations import api
from medusa_migrations.errors import MigrationError, NotReady
from medusa_migrations.management.base import MigrationCommand, add_where, where
from medusa_migrations.management.console import deliver, wait_json, written
from medusa_migrations.management.stop import stopped_by_signals
from medusa_migrations.messages import N_
from medusa_migrations.results import Failure, WaitResult


class Command(MigrationCommand):
    help = N_("Waits until the database can be reached and no migration of either kind is pending. It only reads.")
    next_step = N_("Nothing was changed.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--timeout", type=float, default=300, metavar="SECONDS", help=N_("How long. Default: 300."))
        parser.add_argument(
            "--interval", type=float, default=2, metavar="SECONDS", help=N_("How long between two looks. Default: 2.")
        )
        parser.add_argument(
            "--database-only", action="store_true", help=N_("Wait for the server alone, whatever is pending.")
        )
        add_where(parser)
        parser.add_argument(
            "--json", action="store_true", help=N_("Print one JSON document at the end and nothing else.")
        )

    def work(self, **options: Any) -> None:
        self.began = time.monotonic()
        asked = {name: options[name] for name in ("timeout", "interval", "database_only")}
        with stopped_by_signals(next_step=self.next_step) as interruption, self.console(options) as listener:
            result = api.wait(**asked, **where(options), listener=listener, interruption=interruption)
        if options["json"]:
            deliver(self.stdout, wait_json(result))
        else:
            text = N_("The {database} is ready: no migration is pending.")
            if options["database_only"]:
                text = N_("The {database} can be reached.")
            self.say(text.filled(database=result.named), options)

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        if options["json"]:
            waited = round((time.monotonic() - self.began) * 1000)
            early = WaitResult(
                options["database"], False, waited, error=Failure(None, str(error)), target=options["target"]
            )
            written(self.stdout, wait_json(error.result if isinstance(error, NotReady) else early))
