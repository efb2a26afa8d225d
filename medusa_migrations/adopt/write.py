"""The files that an import makes: checked before the first is written, and all of them written or none."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from django.apps import AppConfig

from medusa_migrations.errors import BuildError, FileError, MigrationError
from medusa_migrations.events import Listener, ignore, working
from medusa_migrations.files import linear
from medusa_migrations.files.sources import SourceFile, cited_folder, parse, source_files, source_folder
from medusa_migrations.files.text import decode, put
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId, name_problem
from medusa_migrations.results import ImportPlace

from .draft import Draft
from .names import names_of


class Made(NamedTuple):
    """A draft with the id and the file that it gets; `is_new` is False for one that is there, and stays as it is."""

    id: MigrationId
    path: Path
    draft: Draft
    is_new: bool


class Plan(NamedTuple):
    """What is to be made, and the places of what cannot be."""

    made: tuple[Made, ...]
    places: tuple[ImportPlace, ...]


def planned(app: AppConfig, drafts: Sequence[Draft], listener: Listener = ignore) -> Plan:
    """What `drafts` are made into. Raises MigrationError for two of one version, and for what no build takes."""
    _refuse_twins(drafts)
    there = {file.id for file in source_files()}
    made: list[Made] = []
    places: list[ImportPlace] = []
    for draft, name in zip(drafts, names_of(drafts), strict=True):
        problem = name_problem(name)
        if problem:
            places.append(
                ImportPlace(draft.path, 1, N_("not imported as {name}: {problem}.", name=name, problem=problem))
            )
            continue
        id_ = MigrationId(app.label, name)
        made.append(Made(id_, source_folder(app) / f"{name}.sql", draft, id_ not in there))
    _refuse_one_name(made)
    _refuse_what_no_build_takes(app, [one for one in made if one.is_new], listener)
    return Plan(tuple(made), tuple(places))


def _refuse_twins(drafts: Iterable[Draft]) -> None:
    by_key: dict[str, Draft] = {}
    for draft in drafts:
        if twin := by_key.setdefault(draft.key, draft):
            if twin is draft:
                continue
            raise MigrationError(
                N_(
                    "{first} and {second} have the same version, {version}. Nothing was imported. Rename one of the "
                    "two.",
                    first=twin.path,
                    second=draft.path,
                    version=draft.key,
                )
            )


def _refuse_one_name(made: Iterable[Made]) -> None:
    """Raise MigrationError for two of one name: a repeatable one has no timestamp that tells it from another."""
    by_id: dict[MigrationId, Draft] = {}
    for one in made:
        if (twin := by_id.setdefault(one.id, one.draft)) is not one.draft:
            raise MigrationError(
                N_(
                    "{first} and {second} would both be {name}: of their names, only letters and digits of ASCII are "
                    "kept. Nothing was imported. Rename one of the two.",
                    first=twin.path,
                    second=one.draft.path,
                    name=one.path.name,
                )
            )


def _refuse_what_no_build_takes(app: AppConfig, made: Sequence[Made], listener: Listener) -> None:
    cited = cited_folder(app, source_folder(app))
    errors = []
    for one in working(N_("checking the migrations"), made, len(made), listener):
        try:
            source = SourceFile(one.id, str(one.path), f"{cited}/{one.path.name}")
            parse(decode(one.draft.text.encode(), source.cited), source)
        except FileError as error:
            errors.append(_in_its_source(error, one.draft))
    if errors:
        raise MigrationError(
            N_(
                "{problems}\nNothing was imported. Mend that there or in a copy of the folder, and import again.",
                problems=BuildError(errors).args[0],
            )
        )


def _in_its_source(error: FileError, draft: Draft) -> FileError:
    """The same error with the place in the file that the draft was made of."""
    origin = draft.origin(error.location.line) if error.location else None
    if not (error.location and origin):
        return FileError(error.problem, draft.path, error.cure)
    column = error.location.column if origin.has_columns else None
    location = error.location._replace(path=origin.path, line=origin.line, column=column)
    return FileError(error.problem, location, error.cure)


def write(app: AppConfig, made: Iterable[Made]) -> None:
    """Write those that are new, and the file of an app that has its newest migration in one.

    Raises MigrationError if one cannot be written; then none is there.
    """
    new = [one for one in made if one.is_new]
    if not new:
        return
    written: list[Path] = []
    try:
        source_folder(app).mkdir(exist_ok=True)
        for one in new:
            _write_whole(one.path, one.draft.text)
            written.append(one.path)
        if linear.is_linear(app):
            linear.write(app, [file.id for file in source_files()])
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise MigrationError(
            N_(
                "Cannot write {path}: {reason}. Nothing was imported. Give this process the right to write there.",
                path=error.filename or source_folder(app),
                reason=error.strerror,
            )
        ) from None


def _write_whole(path: Path, text: str) -> None:
    """Write a new file in one step: the next import would take half of one for what is there already."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    put(path, text.encode())
