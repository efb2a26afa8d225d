"""The baseline from its door on: the live tables of apps as migrations, proven, written and recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from django.apps import apps
from django.db import router

from medusa_migrations import conf
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.journal import Entry
from medusa_migrations.database.lock import run_lock
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError, MigrationError, PlanError
from medusa_migrations.events import Working
from medusa_migrations.files import linear
from medusa_migrations.files.build import from_sources
from medusa_migrations.files.make import make, own_app
from medusa_migrations.files.text import put
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId
from medusa_migrations.results import BaselineResult, MadeFile
from medusa_migrations.verify.app import ended_early

from .drafts import Draft, drafts_of
from .live import read_live
from .neighbours import django_folder
from .proof import proven
from .request import Request

_ENDED = N_("Nothing was written.")


def baseline(request: Request) -> BaselineResult:
    """As `medusa_migrations.api.baseline`."""
    with ended_early(_ENDED):
        return _baseline(request)


def _baseline(request: Request) -> BaselineResult:
    labels = tuple(dict.fromkeys(own_app(app).label for app in request.apps))
    if not labels:
        raise PlanError(N_("No app is named: give the labels of one or several."))
    _refuse_routed(labels, request.database)
    with open_session(request.database, request.interruption) as session, _locked(session, request):
        request.listener(Working(N_("reading the live tables")))
        live = read_live(session, labels, from_sources(request.listener)[0])
        drafts = proven(live, request, lambda given: drafts_of(live, request.name, request.timestamp, given))
        files = _written(drafts, dry_run=request.dry_run)
        recorded = () if request.dry_run else _recorded(session, [one.id for one in files])
    return BaselineResult(
        database=request.database,
        apps=labels,
        dry_run=request.dry_run,
        files=tuple(files),
        recorded=recorded,
        warnings=(*live.warnings, *(text for one in files for text in one.warnings)),
        to_delete=tuple(folder for label in labels if (folder := django_folder(label))),
        references=tuple(live.neighbours.references()),
    )


def _refuse_routed(labels: Sequence[str], alias: str) -> None:
    for label in labels:
        if not router.allow_migrate(alias, label):
            raise PlanError(
                N_(
                    "DATABASE_ROUTERS keep the app {app!r} out of the database {database!r}. Nothing was written. "
                    "Give another with --database.",
                    app=label,
                    database=alias,
                )
            )


@contextlib.contextmanager
def _locked(session: Session, request: Request) -> Iterator[None]:
    """Hold the run lock, so that what is recorded is what was read; to look, it is not needed."""
    if request.dry_run:
        yield
        return
    with run_lock(session, conf.chosen("lock_wait", None), request.listener):
        session.refuse_unusable()
        yield


def _written(drafts: Sequence[Draft], *, dry_run: bool) -> list[MadeFile]:
    """Write the files, all or none, and none that no build would take."""
    files = [_made(draft, dry_run=True) for draft in drafts]
    if not dry_run:
        with _taken_back([one.path for one in files], {draft.id.app for draft in drafts}):
            for draft in drafts:
                _made(draft, dry_run=False)
            from_sources()
    return files


@contextlib.contextmanager
def _taken_back(paths: Sequence[Path], labels: Collection[str]) -> Iterator[None]:
    """If this fails, have no file at `paths`, and the apps' files of their newest migrations as they were."""
    lines = [linear.path_of(apps.get_app_config(label)) for label in labels]
    before = {path: path.read_bytes() if path.exists() else None for path in lines}
    there = {path for path in paths if path.exists()}
    try:
        yield
    except MigrationError:
        for path in {*paths} - there:
            path.unlink(missing_ok=True)
        for path, data in before.items():
            path.unlink(missing_ok=True) if data is None else put(path, data)
        raise


def _made(draft: Draft, *, dry_run: bool) -> MadeFile:
    return make(draft.id.app, draft.slug, timestamp=draft.id.timestamp, text=draft.text, dry_run=dry_run)


def _recorded(session: Session, ids: Sequence[MigrationId]) -> tuple[MigrationId, ...]:
    """Write the files into the history and the journal, in one transaction."""
    try:
        migrations = {migration.id: migration for migration in from_sources()[0]}
        history = History(session)
        history.open()
        inserts = [
            history.insert(
                id_,
                migrations[id_].checksum,
                None,  # by which a revert would drop what was there before, once the file is gone
                entry=Entry("faked", "baseline of the live tables"),
            )
            for id_ in ids
        ]
        history.write(inserts)
    except (MigrationError, StopRequested) as error:
        marks = " ".join(f"--mark-applied {id_}" for id_ in ids)
        raise DatabaseError(
            N_(
                "The files are written and proven, and are not recorded as applied in {database!r}: {error}\nMend "
                "that, then record them: migrations_repair {options}",
                database=session.alias,
                error=error.args[0],
                options=marks,
            )
        ) from error
    return tuple(ids)
