"""Imports the migrations of another tool into an app: files first, then on request what that tool has applied."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from django.apps import AppConfig

from medusa_migrations.errors import MigrationError
from medusa_migrations.events import Listener, ignore
from medusa_migrations.files.make import own_app
from medusa_migrations.files.sources import source_folder
from medusa_migrations.results import ImportedFile, ImportPlace, ImportResult

from .draft import Converted
from .folder import read_folder
from .history import recorder
from .tool import Tool
from .tools import refuse_others, tool_named
from .write import Made, Plan, planned, write


class Request(NamedTuple):
    """What is asked for. `history` is the name of the tool's table, "" for its usual one, None to leave it alone."""

    tool: str
    source: str
    app: str
    dry_run: bool = False
    history: str | None = None
    database: str = "default"
    listener: Listener = ignore


def import_from(request: Request) -> ImportResult:
    """As `medusa_migrations.api.import_from`."""
    tool = tool_named(request.tool)
    app = own_app(request.app)
    _refuse_own(app, request.source)
    converted = _converted(tool, request.source)
    plan = planned(app, converted.drafts)
    places = (*converted.places, *plan.places, *_places_of_new(plan))
    result = ImportResult(tool.name, request.source, app.label, request.dry_run, _files(plan), places)
    if request.history is None:
        if not request.dry_run:
            write(app, plan.made)
        return result
    ids = {one.draft.key: one.id for one in plan.made}
    table, alias, dry_run = request.history or None, request.database, request.dry_run
    with recorder(tool, table, ids, alias, request.listener, dry_run=dry_run) as other:
        new = tuple(other.new())
        if not dry_run:
            write(app, plan.made)
            new = other.record()
        return result._replace(database=alias, recorded=new, unknown=tuple(other.unknown()))


def _refuse_own(app: AppConfig, source: str) -> None:
    """Raise MigrationError where the other tool's files are among the app's: a build would take them for its own."""
    if Path(source).resolve().is_relative_to(source_folder(app).resolve()):
        raise MigrationError(
            f"{source} is where the migrations of {app.label!r} are to be. Nothing was imported. Move the other tool's "
            "files to a folder of their own."
        )


def _converted(tool: Tool, source: str) -> Converted:
    texts = read_folder(source, below=tool.below)
    refuse_others(tool, texts)
    converted = tool.convert(texts)
    if not converted.drafts:
        raise MigrationError(
            f"{source} has no migrations of {tool.name}. Nothing was imported. Is another tool's name, or another "
            "folder, the right one?"
        )
    return converted


def _places_of_new(plan: Plan) -> list[ImportPlace]:
    return [place for one in plan.made if one.is_new for place in one.draft.places]


def _files(plan: Plan) -> tuple[ImportedFile, ...]:
    return tuple(_file(one) for one in plan.made)


def _file(made: Made) -> ImportedFile:
    return ImportedFile(made.id, made.path, made.draft.path, made.draft.text, made.is_new)
