from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from medusa_migrations import api
from medusa_migrations.errors import MigrationError
from medusa_migrations.management.base import MigrationCommand, add_app, add_database
from medusa_migrations.management.console import Console, deliver, plural, written
from medusa_migrations.management.proofs import ProofConsole, summary, verify_json
from medusa_migrations.management.stop import stopped_by_signals
from medusa_migrations.messages import N_, joined
from medusa_migrations.results import VerifyResult
from medusa_migrations.verify.app import AGAIN

_NAMES = ("app", "all", "database", "scratch", "keep", "require_down", "server_wide", "rows", "lint")


class Command(MigrationCommand):
    help = N_("Proves the SQL migrations in a scratch database: up, down, everything as it was, up again.")

    next_step = AGAIN

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_app(parser, N_("Only this app's; those before them are run too."))
        add_database(parser)
        parser.add_argument("--all", action="store_true", help=N_("Prove again what is proven already."))
        parser.add_argument(
            "--live",
            nargs="?",
            const="",
            metavar="ALIAS",
            help=N_(
                "Compare that database, by default the same, with what its applied migrations make. It is only read."
            ),
        )
        parser.add_argument("--rows", action="store_true", help=N_("Try each up and down part on made-up rows too."))
        parser.add_argument(
            "--no-lint", action="store_false", dest="lint", help=N_("Do not look for statements that are unsafe.")
        )
        parser.add_argument(
            "--require-down", action="store_true", help=N_("A migration without a down part is a fault.")
        )
        where = parser.add_argument_group(N_("the scratch database"))
        where.add_argument(
            "--scratch", metavar="NAME", help=N_("Use this empty database of the same server, and leave it empty.")
        )
        where.add_argument("--keep", action="store_true", help=N_("Do not drop it at the end."))
        where.add_argument(
            "--server-wide",
            action="store_true",
            help=N_("Let migrations change roles and other things of the whole server: only on a server of its own."),
        )
        parser.add_argument("--json", action="store_true", help=N_("Print one JSON document and nothing else."))

    def work(self, **options: Any) -> None:
        live = None if options["live"] is None else options["live"] or options["database"]
        with stopped_by_signals(next_step=self.next_step) as interruption, self.console(options) as listener:
            result = api.verify(
                live=live, listener=listener, interruption=interruption, **{name: options[name] for name in _NAMES}
            )
        if options["json"]:
            deliver(self.stdout, verify_json(result))
        else:
            self.say("\n".join(summary(result, self.style)), options)
        for note in result.notes if options["verbosity"] else ():
            self.stderr.write(note, self.style.WARNING)
        if result.faults or result.unsafe:
            raise CommandError(_fault(result))

    def console(self, options: dict[str, Any]) -> Console:
        return ProofConsole(self.stdout, self.stderr, self.style, options["verbosity"], quiet=options["json"])

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        if options["json"]:
            written(self.stdout, verify_json(VerifyResult(options["database"], ""), str(error)))


def _fault(result: VerifyResult) -> str:
    """What is at fault, in one line."""
    migrations = [str(one.id) for one in result.migrations if one.is_fault]
    parts = [f"{plural(len(migrations))}: {', '.join(migrations)}"] if migrations else []
    parts += [plural(result.unsafe, "unsafe statement")] if result.unsafe else []
    parts += [N_("{migrations} of Django's", migrations=plural(len(result.django)))] if result.django else []
    models, live = plural(len(result.models), "difference"), plural(len(result.live), "difference")
    parts += [N_("{differences} of the models", differences=models)] if result.models else []
    parts += [N_("{differences} of the live database", differences=live)] if result.live else []
    return N_(
        "Not proven: {faults}. Correct that; docs/verify.md tells how to let something pass.",
        faults=joined("; ", parts),
    )
