"""The folder of another tool, read whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from medusa_migrations.conf import shown_path
from medusa_migrations.errors import FileError, MigrationError
from medusa_migrations.events import Listener, ignore, working
from medusa_migrations.files.text import decode, read
from medusa_migrations.messages import N_

from .draft import Text

# What the tools keep: migrations in SQL and in a language, what Flyway is told of one file, and golang-migrate's of any
# suffix.
_FILES = re.compile(r"[^.].*\.(?:sql|conf|go|java|[mc]?[tj]s|(?:up|down)\..*)")


def read_folder(folder: str, *, below: bool, listener: Listener = ignore) -> list[Text]:
    """The files in `folder` that a tool might run, and if `below` those in the folders in it, by their paths.

    Raises MigrationError for a folder that is not there or has none, FileError for a file that cannot be read.
    """
    path = Path(folder)
    if not path.is_dir():
        raise MigrationError(
            N_("{folder} is no folder. Give the folder in which the other tool has its migrations.", folder=folder)
            if path.exists()
            else N_(
                "{folder} does not exist. Give the folder in which the other tool has its migrations.", folder=folder
            )
        )
    try:
        files = sorted(_files(path, below=below))
        texts = [_text(file) for file in working(N_("reading the files"), files, len(files), listener)]
    except OSError as error:
        raise MigrationError(
            N_(
                "Cannot read {path}: {reason}. Give this process the right to read it. Nothing was imported.",
                path=shown_path(error.filename or path),
                reason=error.strerror,
            )
        ) from None
    if not texts:
        raise MigrationError(
            N_("{folder} has no migrations. Give the folder in which the other tool has them.", folder=folder)
        )
    return texts


def _files(folder: Path, *, below: bool) -> Iterator[Path]:
    for path, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if below and not name.startswith(".")]
        yield from (Path(path) / name for name in names if _FILES.fullmatch(name))


def _raise(error: OSError) -> None:
    raise error


def _text(path: Path) -> Text:
    cited = shown_path(path)
    try:
        return Text(cited, path.name, decode(read(path), cited))
    except OSError as error:
        raise FileError(
            N_("cannot be read: {reason}", reason=error.strerror),
            cited,
            N_("Give this process the right to read it. Nothing was imported."),
        ) from None
