from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from medusa_migrations import api
from medusa_migrations.management.base import MigrationCommand, add_app, add_where, where
from medusa_migrations.management.console import deliver, log_json, log_line, show_json, show_line
from medusa_migrations.messages import N_

_UNSETTLED = ("pending", "changed", "missing", "failed")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(
            N_("{given!r} is no number of entries. An app stands before it: {given} --log", given=text)
        ) from None


class Command(MigrationCommand):
    help = N_("Lists the SQL migrations and whether they are applied.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_app(parser, N_("Only this app's."))
        add_where(parser)
        parser.add_argument(
            "--check", action="store_true", help=N_("Exit with 1 if any is pending, changed, missing or failed.")
        )
        parser.add_argument(
            "--log", nargs="?", type=_number, const=20, metavar="N", help=N_("What happened: the last N (20) entries.")
        )
        parser.add_argument("--since", metavar="WHEN", help=N_('With --log: all after it, as "2026-11-28 14:00".'))
        parser.add_argument("--json", action="store_true", help=N_("Print one JSON document and nothing else."))

    def work(self, **options: Any) -> None:
        if options["log"] is not None or options["since"] is not None:
            self.log(options)
            return
        result = api.show(options["app"], **where(options))
        if options["json"]:
            deliver(self.stdout, show_json(result))
        elif options["verbosity"]:
            lines = [show_line(shown, self.style) for shown in result.migrations]
            deliver(self.stdout, "\n".join(lines or [N_("(no migrations)")]))
        counts = {state: sum(one.state == state for one in result.migrations) for state in _UNSETTLED}
        found = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        if options["check"] and found:
            raise CommandError(N_("Not settled: {counts}.", counts=found))

    def log(self, options: dict[str, Any]) -> None:
        if options["check"]:
            raise CommandError(N_("--check is about what is applied, and cannot go with --log."))
        result = api.log(options["app"], limit=options["log"], since=options["since"], **where(options))
        if options["json"]:
            deliver(self.stdout, log_json(result))
        elif options["verbosity"]:
            lines = [log_line(entry, self.style) for entry in result.entries]
            deliver(self.stdout, "\n".join(lines or [N_("(no entries)")]))
