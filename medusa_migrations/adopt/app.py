"""Imports the migrations of another tool into an app: files first, then on request what that tool has applied."""

from __future__ import annotations

from pathlib import Path

from django.apps import AppConfig

from medusa_migrations.errors import MigrationError, PlanError
from medusa_migrations.events import Working
from medusa_migrations.files.make import own_app
from medusa_migrations.files.sources import source_folder
from medusa_migrations.messages import N_
from medusa_migrations.results import ImportedFile, ImportPlace, ImportResult

from .draft import Converted
from .folder import read_folder
from .history import recorder
from .request import Request
from .tool import Theirs, Tool
from .tools import DJANGO, refuse_others, tool_named
from .write import Made, Plan, planned, write


def import_from(request: Request) -> ImportResult:
    """As `medusa_migrations.api.import_from`."""
    theirs = _theirs(request)
    app = own_app(request.app)
    plan = planned(app, theirs.converted.drafts, request.listener)
    places = (*theirs.converted.places, *plan.places, *_places_of_new(plan))
    files, found = _files(plan), theirs.converted.differences
    result = ImportResult(theirs.name, request.source, app.label, request.dry_run, files, places, differences=found)
    if request.history is None:
        if not request.dry_run:
            write(app, plan.made)
        return result
    ids = {one.draft.key: one.id for one in plan.made}
    table, alias, dry_run = request.history or None, request.database, request.dry_run
    with recorder(theirs, table, ids, alias, request.listener, dry_run=dry_run) as other:
        new = tuple(other.new())
        if not dry_run:
            write(app, plan.made)
            new = other.record()
        return result._replace(database=alias, recorded=new, unknown=tuple(other.unknown()))


def _theirs(request: Request) -> Theirs:
    """What there is to be imported. Raises MigrationError."""
    if request.tool == DJANGO:
        from .django.app import from_django  # other tools need no scratch database

        return from_django(request, own_app(request.app))
    tool = tool_named(request.tool)
    if request.scratch is not None:
        raise PlanError(
            N_("--scratch is for django alone: the files of {tool} are turned without a database.", tool=tool.name)
        )
    _refuse_own(own_app(request.app), request.source)
    return Theirs(tool.name, tool.history, _converted(tool, request))


def _refuse_own(app: AppConfig, source: str) -> None:
    """Raise MigrationError where the other tool's files are among the app's: a build would take them for its own."""
    if Path(source).resolve().is_relative_to(source_folder(app).resolve()):
        raise MigrationError(
            N_(
                "{source} is where the migrations of {app!r} are to be. Nothing was imported. Move the other tool's "
                "files to a folder of their own.",
                source=source,
                app=app.label,
            )
        )


def _converted(tool: Tool, request: Request) -> Converted:
    texts = read_folder(request.source, below=tool.below, listener=request.listener)
    refuse_others(tool, texts)
    request.listener(Working(N_("turning them into migrations")))
    converted = tool.convert(texts)
    if not converted.drafts:
        raise MigrationError(
            N_(
                "{source} has no migrations of {tool}. Nothing was imported. Is another tool's name, or another "
                "folder, the right one?",
                source=request.source,
                tool=tool.name,
            )
        )
    return converted


def _places_of_new(plan: Plan) -> list[ImportPlace]:
    return [place for one in plan.made if one.is_new for place in one.draft.places]


def _files(plan: Plan) -> tuple[ImportedFile, ...]:
    return tuple(_file(one) for one in plan.made)


def _file(made: Made) -> ImportedFile:
    return ImportedFile(made.id, made.path, made.draft.path, made.draft.text, made.is_new)
