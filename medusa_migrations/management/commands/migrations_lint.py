from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from medusa_migrations import api, conf
from medusa_migrations.errors import MigrationError
from medusa_migrations.files.build import from_sources
from medusa_migrations.files.changed import place_in_repository
from medusa_migrations.files.dist import read_text
from medusa_migrations.management import lint_formats
from medusa_migrations.management.base import MigrationCommand, add_app, add_database
from medusa_migrations.management.console import Console, deliver, plural
from medusa_migrations.management.proofs import ProofConsole
from medusa_migrations.management.stop import stopped_by_signals
from medusa_migrations.messages import N_, joined
from medusa_migrations.results import Failure, LintResult
from medusa_migrations.verify.app import AGAIN

FORMATS = ("text", "json", "github", "sarif")


class Command(MigrationCommand):
    help = N_("Finds what SQL migrations do to tables that are in use: locks, rewrites, scans, lost rows.")

    next_step = AGAIN

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_app(parser, N_("Only this app's; those before them are run too."))
        add_database(parser)
        parser.add_argument("--all", action="store_true", help=N_("Look also at what is proven already."))
        parser.add_argument("--down", action="store_true", help=N_("Look at the down parts too."))
        parser.add_argument(
            "--live",
            nargs="?",
            const="",
            metavar="ALIAS",
            help=N_("Take the sizes of the tables from that database, by default the same. It is only read."),
        )
        parser.add_argument(
            "--static",
            action="store_true",
            help=N_("Read the files alone, without a database, by squawk (extra: lint)."),
        )
        parser.add_argument("--strict", action="store_true", help=N_("Exit with 1 for warnings too."))
        parser.add_argument("--format", choices=FORMATS, default="text", help=N_("Default: text."))
        parser.add_argument(
            "--json", action="store_const", const="json", dest="format", help=N_("The same as --format json.")
        )

    def work(self, **options: Any) -> None:
        live = None if options["live"] is None else options["live"] or options["database"]
        names = ("app", "all", "down", "static", "database")
        with stopped_by_signals(next_step=self.next_step) as interruption, self.console(options) as listener:
            result = api.lint(
                live=live, listener=listener, interruption=interruption, **{name: options[name] for name in names}
            )
        deliver(self.stdout, self.document(result, options["format"]))
        for failure in result.failed:
            self.stderr.write(_in_words(failure), self.style.WARNING)
        grave = {"error", "warning"} if options["strict"] else {"error"}
        found = sum(one.severity in grave for one in result.findings)
        if found or result.failed:
            raise CommandError(_fault(found, result))

    def console(self, options: dict[str, Any]) -> Console:
        return ProofConsole(self.stdout, self.stderr, self.style, options["verbosity"], quiet=True)

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        if options["format"] == "json":
            self.stdout.write(lint_formats.lint_json(LintResult(options["database"]), str(error)))

    def document(self, result: LintResult, format: str) -> str:
        match format:
            case "json":
                return lint_formats.lint_json(result)
            case "github":
                return lint_formats.github(result.findings, _place())
            case "sarif":
                return lint_formats.sarif(result.findings, _place())
            case _:
                text = lint_formats.text(result.findings, _sources(result), self.style)
                return text or ("" if result.failed else N_("Nothing found."))


def _sources(result: LintResult) -> dict[str, str]:
    """The texts of the files that findings are in, by their paths."""
    ids = {finding.id for finding in result.findings}
    return {one.source: read_text(one) for one in from_sources()[0] if one.id in ids}


def _place() -> str:
    """Where the project is in its repository."""
    return place_in_repository(conf.base_dir() or Path.cwd())


def _in_words(failure: Failure) -> str:
    place = f"{failure.file}:{failure.line}" if failure.line else failure.file
    return N_(
        "{place}: it does not run, so nothing can be found in it: {problem}", place=place, problem=failure.message
    )


def _fault(found: int, result: LintResult) -> str:
    faults = []
    if found:
        faults.append(
            N_(
                "{findings}. Write what is safe, or `-- migrate:allow CODE [TABLE]: reason` above the statement.",
                findings=plural(found, "finding"),
            )
        )
    if result.failed:
        faults.append(N_("{parts} cannot be run: see migrations_verify.", parts=plural(len(result.failed), "part")))
    return joined(" ", faults)
