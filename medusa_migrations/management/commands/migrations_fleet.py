from __future__ import annotations

import signal
import sys
from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote
from typing import Any

from django.core.management.base import CommandError

from medusa_migrations import api
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.errors import Interrupted, MigrationError
from medusa_migrations.fleet.results import FleetPlan, FleetResult
from medusa_migrations.management import fleet_console as console
from medusa_migrations.management.base import ExecutionCommand, add_execution, add_json
from medusa_migrations.management.console import deliver, plural, printable
from medusa_migrations.management.fleet_console import FleetProgress
from medusa_migrations.management.questions import add_no_input, can_ask, is_confirmed
from medusa_migrations.management.quick import INTERRUPTED
from medusa_migrations.management.stop import stopped_by_signals
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction
from medusa_migrations.run.options import Execution

_CHOICES = ("only", "without", "jobs", "canary", "canary_only", "max_failures", "new", "engine", "slice")
NEXT = N_("migrations_fleet status tells how the targets stand.")


class Command(ExecutionCommand):
    help = N_("Runs SQL migrations on all targets of a fleet, and tells how they stand.")
    next_step = NEXT

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        status = actions.add_parser(
            "status", help=N_("Tells how the targets stand, those with the same history together.")
        )
        _add_fleet(status)
        status.add_argument("--check", action="store_true", help=N_("Exit with 1 unless all targets are current."))
        status.add_argument("--all", action="store_true", help=N_("Name all targets."))
        _add_which(status)
        add_json(status)
        run = actions.add_parser("run", help=N_("Applies what is pending: the canary first, then the rest."))
        _add_fleet(run)
        _add_how(run)
        run.add_argument("--slice", metavar="I/N", help=N_("Share the run: this is the Ith of N processes."))
        run.add_argument("--to", metavar="ID", help=N_("All pending up to this one, in their order."))
        run.add_argument(
            "--phase",
            metavar="before|after",
            help=N_("before: hold back what is for when the new code is live. after: run what is left. Default: all."),
        )
        run.add_argument(
            "--strict",
            action=BooleanOptionalAction,
            default=None,
            help=N_("Refuse a late arrival, which would run out of order, or do not. Default: OUT_OF_ORDER."),
        )
        revert = actions.add_parser("revert", help=N_("Undoes what a run of the fleet has applied, where it has."))
        _add_fleet(revert)
        revert.add_argument("--run", type=int, required=True, metavar="ID", help=N_("Its number, as `runs` has it."))
        _add_how(revert)
        add_no_input(revert)
        create = actions.add_parser("create", help=N_("Makes the schema of a new target, with all migrations in it."))
        create.add_argument("name", metavar="NAME", help=N_("One of the targets of the fleet."))
        _add_fleet(create)
        add_execution(create)
        runs = actions.add_parser("runs", help=N_("Lists the last runs."))
        _add_fleet(runs)
        runs.add_argument("--limit", type=int, default=20, metavar="N", help=N_("The last N. Default: 20."))
        add_json(runs)
        show = actions.add_parser("show", help=N_("Tells what became of the targets in a run."))
        show.add_argument("run", type=int, metavar="ID", help=N_("Its number, as `runs` has it."))
        _add_fleet(show)
        show.add_argument("--failed", action="store_true", help=N_("Print the names of those that failed, one a line."))
        add_json(show)

    def work(self, **options: Any) -> None:
        actions: dict[str, Callable[[dict[str, Any]], None]] = {
            "status": self.status,
            "run": self.run,
            "revert": self.run,
            "create": self.create,
            "runs": self.runs,
            "show": self.show,
        }
        actions[options["action"]](options)

    def status(self, options: dict[str, Any]) -> None:
        which = {name: options[name] for name in ("jobs",)} | _globs(options)
        with stopped_by_signals(next_step=NEXT) as interruption:
            status = api.fleet_status(options["fleet"], interruption=interruption, **which)
        if options["json"]:
            deliver(self.stdout, console.status_json(status, every=options["all"]))
        elif options["verbosity"]:
            deliver(self.stdout, "\n".join(console.status_lines(status, self.style, every=options["all"])))
        self.tell(status.notes, options)
        if options["check"] and not status.is_current:
            left = status.counts["targets"] - status.counts.get("current", 0)
            raise CommandError(
                N_(
                    "{targets} of {fleet} not current. Run migrations_fleet run.",
                    targets=plural(left, "target"),
                    fleet=status.fleet,
                )
            )

    def run(self, options: dict[str, Any]) -> None:
        """What `run` and `revert` do."""
        is_up = options["action"] == "run"
        how = {name: options[name] for name in Execution.__annotations__ if name in options}
        how |= {name: options[name] for name in _CHOICES if name in options} | _globs(options)
        if is_up:
            how |= {name: options[name] for name in ("to", "phase", "strict")}
        else:
            how |= {"run": options["run"]}
        direction = Direction.UP if is_up else Direction.DOWN
        with stopped_by_signals(next_step=NEXT) as interruption, self.console(options) as listener:
            how |= {"interruption": interruption, "listener": listener}
            if options["plan"] or options["sql"]:
                plan = api.fleet_plan if is_up else api.fleet_revert_plan
                self.show_plan(plan(fleet=options["fleet"], sql=options["sql"], **how), options)
                return
            if not is_up:
                self.agree(options, how)
            carry_out = api.fleet_run if is_up else api.fleet_revert
            with self.progress(direction, options) as progress:
                result = carry_out(fleet=options["fleet"], watcher=progress, **how)
        self.show_result(result, options, interruption)

    def agree(self, options: dict[str, Any], how: dict[str, Any]) -> None:
        """Show what would be undone, and ask whether it is to be, where somebody can answer."""
        if not options["interactive"] or options["json"] or not can_ask():
            return
        plan = api.fleet_revert_plan(fleet=options["fleet"], **how)
        for line in self.fleet_plan_lines(plan, options):
            self.stderr.write(line, str)
        count = sum(len(group.targets) for group in plan.groups)
        if count and not is_confirmed(N_("Revert that on {targets}?", targets=plural(count, "target"))):
            raise CommandError(N_("Nothing was reverted."))

    def create(self, options: dict[str, Any]) -> None:
        how = {name: options[name] for name in {"plan", "sql", *Execution.__annotations__} & options.keys()}
        with stopped_by_signals(next_step=NEXT) as interruption, self.console(options) as listener:
            how |= {"listener": listener, "interruption": interruption}
            result = api.fleet_create(options["name"], options["fleet"], **how)
        self.report(result, options)
        if not result.migrations and not options["sql"]:
            self.say(N_("Nothing to do: {target} has all migrations.", target=printable(options["name"])), options)

    def progress(self, direction: Direction, options: dict[str, Any]) -> FleetProgress:
        verbosity, quiet = options["verbosity"], options["json"]
        return FleetProgress(self.stdout, self.stderr, self.style, verbosity, direction=direction, quiet=quiet)

    def show_result(self, result: FleetResult, options: dict[str, Any], interruption: Interruption) -> None:
        if options["json"]:
            deliver(self.stdout, console.fleet_json(result, every=options["all"]))
        self.tell(result.notes, options)
        if result.outcome != "complete":
            is_ctrl_c = result.outcome == "interrupted" and interruption.reason == signal.SIGINT.name
            raise CommandError(
                console.failed_text(result, interruption.reason, _again(result, options)),
                returncode=INTERRUPTED if is_ctrl_c else result.exit_code,
            )
        if result.run is None:
            self.say(N_("Nothing to do: {summary}", summary=console.summary(result)), options)
        else:
            self.say(N_("{summary} It was run {run}.", summary=console.summary(result), run=result.run), options)

    def show_plan(self, plan: FleetPlan, options: dict[str, Any]) -> None:
        if options["json"]:
            deliver(self.stdout, console.plan_json(plan))
        elif options["verbosity"]:
            deliver(self.stdout, "\n".join(self.fleet_plan_lines(plan, options)))
        self.tell(plan.status.notes, options)

    def fleet_plan_lines(self, plan: FleetPlan, options: dict[str, Any]) -> Iterator[str]:
        """How the targets stand, then what would be done where something would."""
        comment = "-- " if options["sql"] else ""
        yield from (comment + line for line in console.status_lines(plan.status, self.style))
        for group in plan.groups:
            yield f"{comment}{printable(', '.join(group.targets))}"
            if options["sql"]:
                for one in group.plan.migrations:
                    yield f"-- {one.id} ({plan.direction})\n{(one.sql or '').strip()}\n"
            else:
                yield from self.plan_lines(group.plan)

    def runs(self, options: dict[str, Any]) -> None:
        found = api.fleet_runs(options["fleet"], limit=options["limit"])
        if options["json"]:
            deliver(self.stdout, console.ledger_json(found))
        else:
            deliver(self.stdout, "\n".join(map(console.run_line, found)) or N_("(no runs)"))

    def show(self, options: dict[str, Any]) -> None:
        run, targets = api.fleet_show(options["run"], options["fleet"])
        if options["failed"]:
            targets = tuple(one for one in targets if one.state == "failed")
        if options["json"]:
            deliver(self.stdout, console.ledger_json((run,), targets))
        elif options["failed"]:
            deliver(self.stdout, "".join(f"{one.name}\n" for one in targets), "")
        else:
            deliver(self.stdout, "\n".join([console.run_line(run), *map(console.ledger_line, targets)]))

    def tell(self, notes: tuple[str, ...], options: dict[str, Any]) -> None:
        for note in notes if options["verbosity"] else ():
            self.stderr.write(printable(note), self.style.WARNING)

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        if options["action"] == "create":
            super().on_error(error, {"database": "default", "target": options["name"], **options})
        if options["json"] and options["action"] in ("run", "revert"):
            direction = Direction.UP if options["action"] == "run" else Direction.DOWN
            outcome = "interrupted" if isinstance(error, Interrupted) else "incomplete"
            self.stdout.write(console.refused_json(options["fleet"] or "", direction, outcome, str(error)))  # type: ignore[arg-type]  # one of the two


def _again(result: FleetResult, options: dict[str, Any]) -> str:
    """The command that goes on."""
    given = f" --run {options['run']}" if options["action"] == "revert" else ""
    given += f" --slice {options['slice']}" if options.get("slice") else ""
    return f"migrations_fleet {options['action']} {quote(result.fleet)}{given}"


def _add_fleet(parser: ArgumentParser) -> None:
    parser.add_argument("fleet", nargs="?", metavar="FLEET", help=N_("Its name in FLEETS. Default: the only one."))
    parser.add_argument("-v", "--verbosity", type=int, choices=[0, 1, 2, 3], default=SUPPRESS, help=SUPPRESS)


def _add_which(parser: ArgumentParser) -> None:
    which = parser.add_argument_group(N_("which targets"))
    which.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help=N_("Those that it finds; @FILE has names, @- is stdin."),
    )
    which.add_argument(
        "--except", action="append", default=[], metavar="GLOB", dest="without", help=N_("But not those.")
    )
    which.add_argument("--jobs", type=int, metavar="N", help=N_("How many at once. Default: JOBS."))


def _add_how(parser: ArgumentParser) -> None:
    _add_which(parser)
    order = parser.add_argument_group(N_("in which order, and how far"))
    order.add_argument("--canary", metavar="N|P%", help=N_("How many go first, one by one. Default: CANARY."))
    order.add_argument("--canary-only", action="store_true", help=N_("Leave the others."))
    order.add_argument("--max-failures", metavar="N|P%", help=N_("How many may fail. Default: MAX_FAILURES."))
    order.add_argument(
        "--engine", metavar="NAME", help=N_("Have workers do it, by celery, procrastinate or tasks. none: do it here.")
    )
    order.add_argument("--new", action="store_true", help=N_("Close a run that has not ended, and begin another."))
    add_execution(parser)
    parser.add_argument("--all", action="store_true", help=N_("With --json, current targets too."))


def _globs(options: dict[str, Any]) -> dict[str, list[str]]:
    """The globs that are given, with those of files in their place."""
    return {name: [glob for given in options[name] for glob in _read(given)] for name in ("only", "without")}


def _read(given: str) -> list[str]:
    if not given.startswith("@"):
        return [given]
    try:
        text = sys.stdin.read() if given == "@-" else Path(given[1:]).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            N_("{given}: cannot be read: {problem}", given=given, problem=str(error)), returncode=2
        ) from None
    names = [line.strip() for line in text.splitlines() if line.strip()]
    if not names:
        raise CommandError(N_("{given} names no target. Nothing was done.", given=given), returncode=2)
    return names
