"""The files in which the installed apps keep their migrations, found and read."""

from __future__ import annotations

import hashlib
import os
import re
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from django.apps import AppConfig, apps

from medusa_migrations import conf
from medusa_migrations.errors import BuildError, FileError, MigrationError
from medusa_migrations.events import Listener, ignore, working
from medusa_migrations.messages import N_
from medusa_migrations.migration import Migration, MigrationId, name_problem

from .text import decode, read

if TYPE_CHECKING:
    from .pyfile import PythonFile
    from .sqlfile import ParsedFile

SUFFIXES = (".sql", ".py")

# A marker that is not at the start of its line. Such a file is parsed at every build, so that every build warns of it.
# The pattern begins with what can be looked for fast, and so is sought in the text behind a line feed.
_INDENTED_MARKER = re.compile(rb"\n[ \t\f\v]+--[ \t]*migrate", re.IGNORECASE)


class SourceFile(NamedTuple):
    """A file in a source folder: `file` is where it is, `cited` its path for messages."""

    id: MigrationId
    file: str
    cited: str


class Sources(NamedTuple):
    """All migrations of the installed apps, in no order; `warnings` say what their authors may not have meant."""

    migrations: tuple[Migration, ...]
    warnings: tuple[str, ...] = ()


def source_folder(app: AppConfig) -> Path:
    """The folder for an app's migrations, which need not be there."""
    return Path(app.path) / conf.get_settings().source_dir


def source_folders() -> dict[str, Path]:
    """The folders of all installed apps, by their labels."""
    return {app.label: source_folder(app) for app in apps.get_app_configs()}


def source_files() -> list[SourceFile]:
    """Every file of the installed apps that must be a migration. Raises FileError for a folder that cannot be read."""
    folder_name = conf.get_settings().source_dir
    return [file for app in apps.get_app_configs() for file in _files(app, Path(app.path) / folder_name)]


def _all_files(errors: list[MigrationError]) -> Iterable[SourceFile]:
    """What `source_files` gives, but a folder that cannot be read is added to `errors`."""
    folder_name = conf.get_settings().source_dir
    for app in apps.get_app_configs():
        try:
            yield from _files(app, Path(app.path) / folder_name)
        except FileError as error:
            errors.append(error)


def source_ids() -> list[MigrationId]:
    """The ids of all sources. Raises OSError for a folder that cannot be read."""
    folder_name = conf.get_settings().source_dir
    return [_id(app, name) for app in apps.get_app_configs() for name in _names(str(Path(app.path) / folder_name))]


def _files(app: AppConfig, folder: Path) -> list[SourceFile]:
    try:
        names = _names(str(folder))
    except OSError as error:
        where = cited_folder(app, folder) + str(error.filename or folder).removeprefix(str(folder))
        raise FileError(
            N_("cannot read the folder: {reason}", reason=error.strerror),
            where,
            N_("Give this process the right to read it."),
        ) from None
    if not names:  # as of most apps, and to cite a folder takes longer than to look whether there is one
        return []
    cited = cited_folder(app, folder)
    return [SourceFile(_id(app, name), f"{folder}/{name}", f"{cited}/{name}") for name in names]


def _id(app: AppConfig, name: str) -> MigrationId:
    return MigrationId(app.label, name.rpartition(".")[0])


def _names(folder: str) -> list[str]:
    """What must be a migration, sorted: files, and as `sub/name` what is in folders below, which never is one.

    Nothing where there is no such folder. Raises OSError for one that cannot be read.
    """
    try:
        return sorted(_found(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _found(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("_"):
                continue
            if entry.is_dir():
                yield from _sql_below(folder, entry.name)
            elif entry.name.endswith(SUFFIXES):
                yield entry.name


def _sql_below(folder: str, name: str) -> Iterator[str]:
    """The `.sql` files below a folder in a source folder, by their paths in that; links are followed, each once."""
    seen = {_identity(folder)}
    for path, folders, files in os.walk(f"{folder}/{name}", onerror=_raise, followlinks=True):
        is_new = _identity(path) not in seen
        seen.add(_identity(path))
        folders[:] = [one for one in folders if is_new and not one.startswith("_")]
        for file in files:
            if is_new and file.endswith(".sql") and not file.startswith("_"):
                yield f"{path}/{file}".removeprefix(f"{folder}/")


def _identity(folder: str) -> tuple[int, int]:
    found = Path(folder).stat()
    return found.st_dev, found.st_ino


def _raise(error: OSError) -> None:
    raise error


def cited_folder(app: AppConfig, folder: Path) -> str:
    """The folder's path for messages: below BASE_DIR, or for a plugin below where its package is installed."""
    base, app_path = conf.base_dir(), Path(app.path).resolve()
    if base and app_path.is_relative_to(base) and not is_installed_package(app):
        return (app_path.relative_to(base) / folder.name).as_posix()
    return f"{app.name.replace('.', '/')}/{folder.name}"


def is_installed_package(app: AppConfig) -> bool:
    """Whether the app was installed from a package, so that its files are not the project's to write."""
    path = Path(app.path).resolve()
    base = conf.base_dir()
    return (
        (base is not None and not path.is_relative_to(base))
        or any(path.is_relative_to(folder) for folder in package_folders())
        or not {"site-packages", "dist-packages"}.isdisjoint(path.parts)
    )


@cache  # Python works out all of its folders for each: that took longer than the rest for an app
def package_folders() -> frozenset[Path]:
    """Where this Python has its packages."""
    return frozenset(Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib"))


def package_labels() -> list[str]:
    """The labels of the apps that were installed from a package."""
    return [app.label for app in apps.get_app_configs() if is_installed_package(app)]


def hash_of(source: SourceFile) -> str:
    """The SHA-256 of a file, as a Migration has it. Raises OSError."""
    return hashlib.sha256(read(source.file)).hexdigest()


def collect(
    known: Mapping[MigrationId, Migration] | None = None,
    problems: Iterable[MigrationError] = (),
    listener: Listener = ignore,
) -> Sources:
    """Read and check every source.

    `known` are the migrations of an earlier build: a file of theirs that is unchanged is not parsed again. If it takes
    long, `listener` is told how far it is.
    Raises BuildError with everything that is wrong with any of them, and before that the `problems`.
    """
    errors: list[MigrationError] = [*problems]
    migrations: dict[MigrationId, Migration] = {}
    warnings: list[str] = []
    files = list(_all_files(errors))
    for source in working(N_("reading the migrations"), files, len(files), listener):
        try:
            migration, notes = _read(source, known or {})
        except FileError as error:
            errors.append(error)
            continue
        twin = migrations.get(migration.id)
        if twin:
            errors.append(
                FileError(
                    N_("the id {id} is taken by {file}", id=twin.id, file=twin.source),
                    source.cited,
                    N_("Rename one of the two."),
                )
            )
        migrations[migration.id] = migration
        warnings += notes
    if errors:
        raise BuildError(errors)
    return Sources(tuple(migrations.values()), tuple(warnings))


def _read(source: SourceFile, known: Mapping[MigrationId, Migration]) -> tuple[Migration, Iterable[str]]:
    if "/" in source.id.name:
        folder = source.cited.removesuffix(f"/{source.id.name}.sql")
        raise FileError(
            N_("it is in a folder below {folder}, where no migration is read", folder=folder),
            source.cited,
            N_("Move it to {folder}, or rename its folder: one whose name starts with '_' is ignored.", folder=folder),
        )
    if source.id.is_repeatable and source.file.endswith(".py"):
        raise FileError(
            N_("a repeatable migration is written in SQL, and this is Python"),
            source.cited,
            N_("Write it as .sql, or give it a timestamp for a name; a name that starts with '_' is ignored."),
        )
    same = known.get(source.id)
    problem = None if same else name_problem(source.id.name)
    if problem:
        raise FileError(problem, source.cited, N_("Rename it; a name that starts with '_' is ignored."))
    try:
        data = read(source.file)
    except OSError as error:
        raise FileError(
            N_("cannot be read: {reason}", reason=error.strerror),
            source.cited,
            N_("Put a plain file there that this process may read."),
        ) from None
    file_hash = hashlib.sha256(data).hexdigest()
    if same and same.hash == file_hash and same.source == source.cited and not _is_warned_of(same, data):
        return same._replace(file=source.file), ()
    parsed = parse(decode(data, source.cited), source)
    migration = Migration(
        id=source.id,
        source=source.cited,
        file=source.file,
        hash=file_hash,
        checksum=parsed.checksum,
        up=parsed.up,
        down=parsed.down,
        depends=parsed.depends,
        feature=parsed.feature,
        keep=parsed.keep,
        description=parsed.description,
        allow=parsed.allow,
        phase=parsed.phase,
        drops=parsed.drops,
        replace=parsed.replace,
        baseline=parsed.baseline,
    )
    return migration, parsed.warnings


def _is_warned_of(migration: Migration, data: bytes) -> bool:
    """Whether a file has to be parsed for what a build warns of."""
    if migration.is_repeatable:
        return True
    return not migration.is_python and _INDENTED_MARKER.search(b"\n" + data) is not None


def parse(text: str, source: SourceFile) -> ParsedFile | PythonFile:
    """What the file `source`, with this text, says. Raises FileError for what its format does not allow."""
    # Imported here, because a run lists the sources, to see what is not built, and parses none.
    if source.file.endswith(".py"):
        from . import pyfile

        return pyfile.parse(text, source.cited, source.file)
    from . import sqlfile

    return sqlfile.parse(text, source.cited, repeatable=source.id.is_repeatable)
