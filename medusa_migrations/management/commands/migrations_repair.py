from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from medusa_migrations import api
from medusa_migrations.errors import MigrationError
from medusa_migrations.management.base import MigrationCommand, add_json, add_lock, add_where, where
from medusa_migrations.management.console import deliver, printable, written
from medusa_migrations.management.documents import repair_json
from medusa_migrations.messages import N_
from medusa_migrations.results import RepairResult


class Command(MigrationCommand):
    help = N_("Settles the history where files or the database were changed by hand; lists what needs that.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_where(parser)
        add_lock(parser)
        parser.add_argument(
            "--accept-changes",
            nargs="*",
            metavar="ID",
            help=N_("Record today's checksums, of all changed ones by default."),
        )
        for option, text in (
            (
                "--send-again",
                N_("The statement at which it stopped may be sent again, though it may be committed in part."),
            ),
            ("--mark-applied", N_("It is applied, whatever the history says.")),
            ("--mark-reverted", N_("It is not applied, whatever the history says.")),
        ):
            parser.add_argument(option, action="append", default=[], metavar="ID", help=text)
        parser.add_argument(
            "--renamed",
            action="append",
            default=[],
            metavar="OLD=NEW",
            help=N_("A file, or an app, has another name now."),
        )
        add_json(parser)

    def work(self, **options: Any) -> None:
        names = (
            "accept_changes",
            "send_again",
            "mark_applied",
            "mark_reverted",
            "renamed",
            "lock",
            "lock_wait",
        )
        result = api.repair(**{name: options[name] for name in names}, **where(options), listener=self.console(options))
        if options["json"]:
            deliver(self.stdout, repair_json(result))
        for line in result.done:
            self.say(printable(line), options)
        for finding in result.findings:
            self.say(printable(f"{finding.id}: {finding.problem}\n    {finding.cure}"), options)
        if not result.done and not result.findings:
            asked = options["accept_changes"] is not None
            self.say(N_("Nothing has changed.") if asked else N_("Nothing needs repair."), options)

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        if options["json"]:
            written(
                self.stdout,
                repair_json(RepairResult(options["database"], (), (), target=options["target"]), str(error)),
            )
