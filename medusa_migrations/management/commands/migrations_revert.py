from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from medusa_migrations import api
from medusa_migrations.management.base import ExecutionCommand, add_app
from medusa_migrations.management.console import plural
from medusa_migrations.management.questions import add_no_input, can_ask, is_confirmed
from medusa_migrations.management.quick import INTERRUPTED
from medusa_migrations.management.stop import stopped_by_signals
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction
from medusa_migrations.run_result import RunResult


class Command(ExecutionCommand):
    help = N_("Undoes the migration that was applied last, or more of them.")
    direction = Direction.DOWN

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_app(parser, N_("Only this app's."))
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--steps", type=int, metavar="N", help=N_("The last N."))
        which.add_argument("--to", metavar="ID", help=N_("All that were applied after this one, which stays."))
        which.add_argument("--last-run", action="store_true", help=N_("All that the last run applied."))
        which.add_argument("--all", action="store_true", help=N_("All of them."))
        which.add_argument(
            "--missing", action="store_true", help=N_("All that have no file, by their stored down parts.")
        )
        which.add_argument("--to-release", metavar="NAME", help=N_("All that releases after this one applied."))
        which.add_argument("--since", metavar="WHEN", help=N_('All that was applied after it, as "2026-11-28 14:00".'))
        add_no_input(parser)

    def work(self, **options: Any) -> None:
        only_looks = options["plan"] or options["sql"]
        asks = options["interactive"] and not options["json"] and not only_looks and can_ask()
        result = self.revert(options, expected=self.agreed(options) if asks else None)
        self.report(result, options)
        if not result.migrations and not options["sql"]:
            since = options["since"]
            nothing = N_("There is nothing to revert.")
            self.say(N_("Nothing was applied after {moment}.", moment=since) if since else nothing, options)

    def revert(self, options: dict[str, Any], expected: str | None = None) -> RunResult:
        which = {name: options[name] for name in ("steps", "last_run", "all", "missing", "to_release", "since")}
        with stopped_by_signals() as interruption, self.console(options) as console:
            chosen = which | self.execution(options)
            return api.revert(listener=console, interruption=interruption, expected=expected, **chosen)

    def agreed(self, options: dict[str, Any]) -> str:
        """The fingerprint of the plan, once it was shown and agreed to where something is lost or several go."""
        plan = self.revert(options | {"plan": True})
        if len(plan.migrations) > 1 or any(one.loses for one in plan.migrations):
            for line in self.plan_lines(plan):
                self.stderr.write(line, str)
            self.ask(_question(plan, fake=options["fake"]))
        return plan.fingerprint

    def ask(self, question: str) -> None:
        try:
            is_agreed = is_confirmed(question)
        except KeyboardInterrupt:
            raise CommandError(N_("Interrupted. Nothing was reverted."), returncode=INTERRUPTED) from None
        if not is_agreed:
            raise CommandError(N_("Nothing was reverted."))


def _question(plan: RunResult, *, fake: bool) -> str:
    if fake:
        text = N_("Record {migrations} as reverted, and send none of the SQL?")
    elif any(one.loses for one in plan.migrations):
        text = N_("Revert {migrations}, and lose that?")
    else:
        text = N_("Revert {migrations}?")
    return text.filled(migrations=plural(len(plan.migrations)))
