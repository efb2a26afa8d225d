from __future__ import annotations

import contextlib
import json
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings

from medusa_migrations import api
from medusa_migrations.adopt.tools import DJANGO, NAMES
from medusa_migrations.conf import shown_path
from medusa_migrations.errors import MigrationError
from medusa_migrations.files.sources import is_installed_package
from medusa_migrations.management.base import MigrationCommand, add_database, add_json
from medusa_migrations.management.console import Console, deliver, plural, printable, written
from medusa_migrations.management.proofs import ProofConsole, difference_lines
from medusa_migrations.management.stop import stopped_by_signals
from medusa_migrations.messages import N_
from medusa_migrations.results import ImportResult

_NAMES = ("tool", "source", "app", "dry_run", "history", "database", "scratch")

# What differs where Django has made one thing, and the SQL of the new files another.
_BY_SQL = {
    "new": N_("made by the new files, and not by Django"),
    "gone": N_("made by Django, and not by the new files"),
}


class Command(MigrationCommand):
    help = N_("Makes SQL migrations of those of another tool; nothing is overwritten, and nothing is run.")
    next_step = N_("Run it again: what is there already is left as it is.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tool", choices=NAMES, metavar="TOOL", help=f"{', '.join(NAMES)}.")
        parser.add_argument(
            "source",
            metavar="SOURCE",
            help=N_("The folder in which that tool has its migrations; of django, the label of the app."),
        )
        parser.add_argument("--app", required=True, metavar="LABEL", help=N_("The app that gets them."))
        parser.add_argument("--dry-run", action="store_true", help=N_("Only say what would be done."))
        parser.add_argument(
            "--history",
            nargs="?",
            const="",
            metavar="TABLE",
            help=N_("Record as applied what that tool has applied in the database, by its table."),
        )
        parser.add_argument(
            "--scratch",
            metavar="NAME",
            help=N_("With django: use this empty database of the same server, and leave it empty."),
        )
        add_database(parser)
        add_json(parser)

    def work(self, **options: Any) -> None:
        with self.stopped(options) as interruption, self.console(options) as listener:
            names = {name: options[name] for name in _NAMES}
            result = api.import_from(**names, listener=listener, interruption=interruption)
        if options["json"]:
            deliver(self.stdout, _json(result))
        for line in _told(result):
            self.say(printable(line), options)
        for line in _to_look_at(result) if options["verbosity"] else ():
            self.stderr.write(line, self.style.WARNING)
        for line in _next(result):
            self.say(printable(line), options)

    def console(self, options: dict[str, Any]) -> Console:
        return ProofConsole(self.stdout, self.stderr, self.style, options["verbosity"], quiet=options["json"])

    def stopped(self, options: dict[str, Any]) -> contextlib.AbstractContextManager[Any]:
        """Of django, SQL is run in a scratch database, which has to be dropped again."""
        if options["tool"] != DJANGO:
            return contextlib.nullcontext()
        return stopped_by_signals(next_step=self.next_step)

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        if options["json"]:
            written(self.stdout, json.dumps({"error": {"message": str(error)}}, indent=2, ensure_ascii=False))


def _json(result: ImportResult) -> str:
    document = {
        "tool": result.tool,
        "source": result.source,
        "app": result.app,
        "migrations": [
            {"id": str(one.id), "path": shown_path(one.path), "source": one.source, "new": one.is_new}
            for one in result.files
        ],
        "places": [one._asdict() for one in result.places],
        "database": result.database,
        "recorded": [str(id_) for id_ in result.recorded],
        "unknown": list(result.unknown),
        "differences": [one._asdict() for one in result.differences],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _told(result: ImportResult) -> Iterator[str]:
    new = [one for one in result.files if one.is_new]
    for one in new:
        yield f"  {one.source} -> {shown_path(one.path)}"
    there = len(result.files) - len(new)
    text = N_("Imported {migrations} of {tool} into {app!r}{others}")
    if result.dry_run:
        text = N_("Would import {migrations} of {tool} into {app!r}{others}")
    others = N_("; {migrations} there already, left as they are", migrations=plural(there)) if there else ""
    yield text.filled(migrations=plural(len(new)), tool=result.tool, app=result.app, others=others)
    if result.database is not None:
        text = N_("Recorded {migrations} as applied in the database {database!r}")
        if result.dry_run:
            text = N_("Would record {migrations} as applied in the database {database!r}")
        yield text.filled(migrations=plural(len(result.recorded)), database=result.database)


def _to_look_at(result: ImportResult) -> Iterator[str]:
    if result.places:
        yield N_("{count} to be looked at:", count=len(result.places))
    for place in result.places:
        yield printable(f"  {place.file}:{place.line}: {place.message}")
    if result.differences:
        yield N_(
            "{differences} between what Django makes and what the new files make:",
            differences=plural(len(result.differences), "difference"),
        )
    for difference in result.differences:
        yield from difference_lines(difference, _BY_SQL, ("Django", "SQL"))
    if result.unknown:
        names = printable(", ".join(result.unknown))
        yield N_(
            "Applied by {tool} in the database {database!r}, and there is no file of: {names}",
            tool=result.tool,
            database=result.database,
            names=names,
        )


def _next(result: ImportResult) -> Iterator[str]:
    """What to do now, in its order."""
    if result.dry_run:
        return
    steps = list(_steps(result))
    for word, step in zip([N_("Next"), *[N_("Then")] * len(steps)], steps, strict=False):
        yield f"{word}: {step}"
    if result.database is None:
        command = shlex.join(["migrations_import", result.tool, result.source, "--app", result.app, "--history"])
        yield N_("Where {tool} has applied them: {command}", tool=result.tool, command=command)
    if result.tool == DJANGO and not is_installed_package(apps.get_app_config(result.source)):
        yield N_(
            "When that is done everywhere: delete the Django migrations of {source!r}, and that setting",
            source=result.source,
        )


def _steps(result: ImportResult) -> Iterator[str]:
    if result.places:
        yield N_("settle what is to be looked at, in the new files: a run stops there until that is done.")
        if result.recorded:
            yield N_("migrations_repair --accept-changes, for what is recorded and has another text now.")
    if result.tool == DJANGO and settings.MIGRATION_MODULES.get(result.source, "") is not None:
        setting = f'MIGRATION_MODULES = {{"{result.source}": None}}'
        yield N_(
            "{setting} in the settings, so that SQL makes the tables and Django's migrations are there for --history",
            setting=setting,
        )
    yield N_("migrations_build, and migrations_verify to prove them")
