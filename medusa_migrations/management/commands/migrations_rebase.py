from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser
from typing import Any

from django.apps import apps

from medusa_migrations import api
from medusa_migrations.conf import shown_path
from medusa_migrations.errors import MigrationError
from medusa_migrations.files.sources import source_folder
from medusa_migrations.management.base import MigrationCommand, add_database
from medusa_migrations.management.console import deliver, printable, written
from medusa_migrations.messages import N_
from medusa_migrations.results import RebaseResult


class Command(MigrationCommand):
    help = N_("Gives an app's migrations of this side of a merge new timestamps, after those of the side that stays.")
    next_step = N_("Run it again: it goes on where it stopped.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app", metavar="APP", help=N_("The label of the app."))
        parser.add_argument(
            "--onto", metavar="ID", help=N_("The newest migration of the side that stays, where git cannot tell.")
        )
        add_database(parser)
        parser.add_argument("--json", action="store_true", help=N_("Print one JSON document and nothing else."))

    def work(self, **options: Any) -> None:
        names = ("app", "onto", "database")
        with self.console(options) as listener:
            result = api.rebase(**{name: options[name] for name in names}, listener=listener)
        if options["json"]:
            deliver(self.stdout, _json(result))
        else:
            for line in _told(result):
                self.say(printable(line), options)
        for note in (*result.notes, *_elsewhere(result)) if result.notes and options["verbosity"] else ():
            self.stderr.write(printable(note), self.style.WARNING)

    def on_error(self, error: MigrationError, options: dict[str, Any]) -> None:
        if options["json"]:
            written(self.stdout, json.dumps({"error": {"message": str(error)}}, indent=2, ensure_ascii=False))


def _json(result: RebaseResult) -> str:
    document = {
        "app": result.app,
        "renamed": [{"old": str(one.old), "new": str(one.new)} for one in result.renamed],
        "edited": [shown_path(path) for path in result.edited],
        "database": result.database,
        "followed": [str(id_) for id_ in result.followed],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _told(result: RebaseResult) -> list[str]:
    """What was done, and what is to be done next, in lines."""
    lines: list[str] = [N_("Renamed {old} to {new}", old=one.old, new=one.new) for one in result.renamed]
    lines = lines or [
        N_("No migration of {app} on this side comes before one that stays: nothing was renamed.", app=result.app)
    ]
    lines += [N_("Mended {path}", path=shown_path(path)) for path in result.edited]
    lines += [
        N_("The history of the database {database!r} has followed: {id}", database=result.database, id=id_)
        for id_ in result.followed
    ]
    lines += _elsewhere(result)
    if result.renamed or result.edited:
        folders = {source_folder(apps.get_app_config(result.app)), *(path.parent for path in result.edited)}
        paths = " ".join(sorted(shlex.quote(shown_path(folder)) for folder in folders))
        lines += [N_("Next: git add -A {paths}", paths=paths), f"      {result.then}"]
    return lines


def _elsewhere(result: RebaseResult) -> list[str]:
    """What to run where the old names are applied."""
    if not result.renamed:
        return []
    pairs = " ".join(f"--renamed {one.old}={one.new}" for one in result.renamed)
    lines: list[str] = [N_("On every other database that has applied the old: migrations_repair {pairs}", pairs=pairs)]
    if result.changed:
        ids = " ".join(map(str, result.changed))
        lines.append(
            N_("and then, for what depends on another name now: migrations_repair --accept-changes {ids}", ids=ids)
        )
    return lines
