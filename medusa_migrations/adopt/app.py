"""Imports the migrations of another tool into an app: files first, then on request what that tool has applied."""

from __future__ import annotations

from typing import NamedTuple

from medusa_migrations.errors import MigrationError
from medusa_migrations.events import Listener, ignore
from medusa_migrations.files.make import own_app
from medusa_migrations.results import ImportedFile, ImportPlace, ImportResult

from .folder import read_folder
from .history import recorder
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
    texts = read_folder(request.source, below=tool.below)
    refuse_others(tool, texts)
    converted = tool.convert(texts)
    if not converted.drafts:
        raise MigrationError(
            f"{request.source} has no migrations of {tool.name}. Nothing was imported. Is another tool's name, or "
            "another folder, the right one?"
        )
    plan = planned(app, converted.drafts)
    places = (*converted.places, *plan.places, *_places_of_new(plan))
    result = ImportResult(tool.name, request.source, app.label, request.dry_run, _files(plan), places)
    if request.history is None:
        if not request.dry_run:
            write(app, plan.made)
        return result
    ids = {one.draft.key: one.id for one in plan.made}
    with recorder(
        tool, request.history or None, ids, request.database, request.listener, dry_run=request.dry_run
    ) as to:
        new = tuple(to.new())
        if not request.dry_run:
            write(app, plan.made)
            new = to.record()
        return result._replace(database=request.database, recorded=new, unknown=tuple(to.unknown()))


def _places_of_new(plan: Plan) -> list[ImportPlace]:
    return [place for one in plan.made if one.is_new for place in one.draft.places]


def _files(plan: Plan) -> tuple[ImportedFile, ...]:
    return tuple(_file(one) for one in plan.made)


def _file(made: Made) -> ImportedFile:
    return ImportedFile(made.id, made.path, made.draft.path, made.draft.text, made.is_new)
