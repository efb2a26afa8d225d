"""What the commands share: options, and how results look."""

from __future__ import annotations

import contextlib
import sys
from argparse import ArgumentParser, BooleanOptionalAction, _ActionsContainer, _ArgumentGroup
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from medusa_migrations.database.connect import SEE_APPLIED
from medusa_migrations.errors import Interrupted, MigrationError, MigrationFailed
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction
from medusa_migrations.run.options import Execution
from medusa_migrations.run_result import Failure, MigrationResult, RunResult

from .console import Console, deliver, printable, run_json, written
from .quick import INTERRUPTED, QuickStart, as_command_errors


class MigrationCommand(QuickStart):
    """A command whose errors are instructions: `work` raises MigrationError, the user sees its message."""

    # A release must not fail for a template's check; what these commands need they look at themselves.
    requires_system_checks: list[str] = []

    # What to do where a signal has ended it, in a sentence.
    next_step = SEE_APPLIED

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with as_command_errors(options):
                try:
                    with self.stdout_kept(options):
                        self.work(**options)
                except MigrationError as error:
                    self.on_error(error, options)
                    raise
        except KeyboardInterrupt:
            raise CommandError(
                N_("Interrupted. {next_step}", next_step=self.next_step), returncode=INTERRUPTED
            ) from None

    def stdout_kept(self, options: dict[str, Any]) -> contextlib.AbstractContextManager[Any]:
        """With --json, what a migration in Python prints goes to stderr."""
        return contextlib.redirect_stdout(sys.stderr) if options.get("json") else contextlib.nullcontext()

    def work(self, **options: Any) -> None:
        raise TypeError(f"{type(self).__name__} does nothing")

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        """What else to do before the message is shown."""

    def say(self, text: str, options: dict[str, Any]) -> None:
        """Tell people something on stdout, which with --json is a program's."""
        if options["verbosity"] > 0 and not options.get("json"):
            written(self.stdout, text)

    def console(self, options: dict[str, Any]) -> Console:
        return Console(self.stdout, self.stderr, self.style, verbosity=options["verbosity"], quiet=options["json"])


def add_database(parser: _ActionsContainer) -> None:
    parser.add_argument(
        "--database", default="default", metavar="ALIAS", help=N_('Database alias. Default: "default".')
    )


def add_where(parser: ArgumentParser) -> None:
    """The options for a database, or for a target of a fleet in its place; `where` reads them."""
    which = parser.add_mutually_exclusive_group()
    add_database(which)
    which.add_argument("--target", metavar="NAME", help=N_("A target of --fleet, in place of a database."))
    parser.add_argument("--fleet", metavar="FLEET", help=N_("The fleet of --target, by its name in FLEETS."))


def where(options: dict[str, Any]) -> dict[str, Any]:
    """The database, or the target that `add_where` names, as keyword arguments of the public functions.

    Raises CommandError for one option without the other, SettingsError for what there is not.
    """
    fleet, name = options.get("fleet"), options.get("target")
    if fleet is None and name is None:
        return {"database": options["database"]}
    if fleet is None or name is None:
        raise CommandError(N_("--fleet and --target go together: --fleet tenants --target t1."), returncode=2)
    from medusa_migrations.fleet.targets import target  # few commands are for one

    return {"database": options["database"], "target": target(fleet, name)}


def add_app(parser: ArgumentParser, help: str) -> None:
    parser.add_argument("app", nargs="?", metavar="APP", help=help)


def add_lock(parser: ArgumentParser | _ArgumentGroup) -> None:
    parser.add_argument(
        "--lock-wait", type=float, metavar="SECONDS", help=N_("How long to wait for another run. 0: not at all.")
    )
    parser.add_argument(
        "--no-lock",
        action="store_false",
        dest="lock",
        help=N_("Take no lock: only where no other run can be under way."),
    )


def add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=N_("Print one JSON document and nothing else."))


def add_execution(parser: ArgumentParser) -> None:
    """The options on how to run or revert, and to look only."""
    look = parser.add_argument_group(N_("to look without touching anything"))
    look.add_argument("--plan", action="store_true", help=N_("List what would be done."))
    look.add_argument("--sql", action="store_true", help=N_("Print the SQL that would be sent."))
    how = parser.add_argument_group(N_("how it is done"))
    how.add_argument("--fake", action="store_true", help=N_("Write the history only; send none of the SQL."))
    how.add_argument(
        "--transaction", metavar="all|each|none", help=N_("One transaction for all, one each (default), or none.")
    )
    how.add_argument(
        "--build", action=BooleanOptionalAction, default=None, help=N_("Build first, or do not. Default: AUTO_BUILD.")
    )
    how.add_argument(
        "--wait", type=float, metavar="SECONDS", help=N_("How long to wait for the server. Default: not at all.")
    )
    add_lock(how)
    how.add_argument(
        "--lock-timeout", metavar="DURATION", help=N_("How long a statement waits for a lock, such as 5s.")
    )
    how.add_argument(
        "--statement-timeout", metavar="DURATION", help=N_("How long a statement may take, such as 10min.")
    )
    how.add_argument("--retries", type=int, metavar="N", help=N_("Further tries after a lock timeout or a deadlock."))
    add_json(parser)


class ExecutionCommand(MigrationCommand):
    """The options that running and reverting have in common."""

    direction = Direction.UP

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_where(parser)
        add_execution(parser)

    def execution(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options that `api.run` and `api.revert` share, as their keyword arguments."""
        names = {"app", "to", "plan", "sql", *Execution.__annotations__} & options.keys()
        return {name: options[name] for name in names} | where(options)

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        if options["json"]:
            result = error.result if isinstance(error, MigrationFailed | Interrupted) else None
            failure = Failure(None, str(error))
            written(
                self.stdout,
                run_json(
                    result or RunResult(options["database"], self.direction, error=failure, target=options["target"])
                ),
            )

    def plan_lines(self, plan: RunResult) -> Iterator[str]:
        """What would be done, and what is to be known of it."""
        yield self.style.MIGRATE_HEADING(N_("Planned migrations:"))
        for one in (*plan.migrations, *plan.held_back):
            remarks = ", ".join(_remarks(one, plan.direction))
            yield f"  {printable(str(one.id))}" + (f" ({remarks})" if remarks else "")
            yield from (N_("    undoes {id} before", id=printable(str(id_))) for id_ in one.undoes)
            yield from (f"    {printable(call)}" for call in one.calls)
            if one.loses:
                yield self.style.WARNING(N_("    loses {lost}", lost=printable(", ".join(one.loses))))
            yield from (self.style.WARNING(f"    {one.code}: {printable(one.message)}") for one in one.findings)

    def report(self, result: RunResult, options: dict[str, Any]) -> None:
        if options["json"]:
            deliver(self.stdout, run_json(result))
        elif options["sql"]:
            for one in result.migrations:
                id_ = " ".join(str(one.id).split())  # on one line, whatever the history has for a name
                deliver(self.stdout, f"-- {id_} ({result.direction})\n{(one.sql or '').strip()}\n")
        elif options["plan"] and (result.migrations or result.held_back):
            for line in self.plan_lines(result):
                self.say(line, options)
        for note in result.notes if options["verbosity"] else ():
            self.stderr.write(printable(note), self.style.WARNING)


def _remarks(planned: MigrationResult, direction: Direction) -> list[str]:
    told = {
        N_("held back"): planned.status == "held_back",
        N_("phase after"): planned.phase == "after",
        N_("out of order"): planned.out_of_order,
        (
            N_("recorded, if its tables, which are there, are as it makes them")
            if direction is Direction.UP
            else N_("forgotten, and its tables stay, which were there when it was recorded")
        ): planned.was_there,
    }
    return [words for words, is_so in told.items() if is_so]
