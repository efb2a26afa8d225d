"""The build: written so that it is always the old one or the new one, and loaded only as it was written.

<dist>/<app_label>/<name>.<first 8 hex digits of the file's hash>.sql
<dist>/manifest.json: a line with the format and the hash of what follows, in every format; then an entry a line
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from django.core.files import locks

from medusa_migrations.conf import shown_path
from medusa_migrations.errors import DistError
from medusa_migrations.events import Listener, ignore, working
from medusa_migrations.messages import N_
from medusa_migrations.migration import Migration, MigrationId, Part, Piece, whole_checksum

from .text import decode, put, read

T = TypeVar("T")

# Raised when the entries change, or the rules of sqlfile.py: a build of another format is made anew.
FORMAT = 3
MANIFEST = "manifest.json"

# How many files are written at once: each waits for the disk, which takes several.
COPIES = 8

# What a build writes, and so may remove; anything else in the folder is somebody's own.
# It is compiled by a build: that takes every start its time.
_BUILT = r"(?:[0-9]{14}[_-]|R__).+\.[0-9a-f]{8}\.(sql|py)(\.[0-9]+\.tmp)?"


# What an entry has where its file says it.
_OPTIONAL = ("depends", "feature", "keep", "description", "allow", "drops", "replace", "baseline")


class MadeOf(NamedTuple):
    """What a build was made of: the hash of each file by its id and its path for messages; the apps they depend on."""

    hashes: dict[tuple[str, str], str]
    apps: set[str]


def _target(dist_dir: Path, migration: Migration) -> Path:
    return Path(_file(str(dist_dir), migration.id, migration.hash, migration.source))


def _file(dist_dir: str, id_: MigrationId, file_hash: str, source: str) -> str:
    return f"{dist_dir}/{id_.app}/{id_.name}.{file_hash[:8]}{source[source.rindex('.') :]}"


def is_current(dist_dir: Path, migrations: Sequence[Migration]) -> bool:
    """Whether the build in `dist_dir` is the one that `migrations`, in their order, would make, for any release."""
    try:
        if read(dist_dir / MANIFEST) != _manifest(migrations, release_of(dist_dir)).encode():
            return False
    except OSError:
        return False
    return all(_has(_target(dist_dir, migration), migration.hash) for migration in migrations)


def write(
    dist_dir: Path, migrations: Sequence[Migration], release: str | None = None, listener: Listener = ignore
) -> None:
    """Build `migrations`, which are the sources in their order, for a `release` if that is given.

    Files first, each under a name of its own; then the manifest in one step; then what is no longer needed goes.
    A second build waits for the first. Raises DistError if the folder cannot be written or a source has changed
    since it was read.
    """
    try:
        dist_dir.mkdir(parents=True, exist_ok=True)
        with _locked(dist_dir) as descriptor:
            targets = [_target(dist_dir, migration) for migration in migrations]
            for folder in {target.parent for target in targets}:
                folder.mkdir(exist_ok=True)
            from concurrent.futures import ThreadPoolExecutor  # a run that only loads a build does without

            with ThreadPoolExecutor(COPIES) as pool:
                copies = pool.map(_copy, migrations, targets)
                copied = list(working(N_("writing the build"), copies, len(targets), listener))
            for folder in {target.parent for target, is_new in zip(targets, copied, strict=True) if is_new}:
                _sync(folder)
            _replace(dist_dir / MANIFEST, _manifest(migrations, release).encode())
            os.fsync(descriptor)
            _remove_stale(dist_dir, set(targets))
    except OSError as error:
        raise DistError(
            N_(
                "Cannot write the build to {path}: {reason}. What was built before is still whole. Make room or give "
                "this process the right to write there, then run migrations_build again.",
                path=shown_path(dist_dir),
                reason=error.strerror,
            )
        ) from None


class _Version(NamedTuple):
    """A manifest as it is on the disk: the next build makes another."""

    path: Path
    inode: int
    changed: int
    size: int


# What was read of the last manifest, for a command that asks several times; thousands take room, so one of the two.
_loaded: dict[_Version, tuple[Migration, ...]] = {}
_checksums: dict[_Version, Mapping[MigrationId, str]] = {}


def load(dist_dir: Path) -> tuple[Migration, ...] | None:
    """The migrations of the build in `dist_dir`, in their order; None if there is no build.

    Their SQL is not read. Raises DistError if the manifest cannot be read or is not one.
    """
    return _of_version(_load, dist_dir)


def checksums(dist_dir: Path) -> Mapping[MigrationId, str] | None:
    """The checksum of each migration of the build in `dist_dir`, in half the time of `load`, and as that gives it."""
    return _of_version(_load_checksums, dist_dir)


def _load(version: _Version) -> tuple[Migration, ...]:
    found = _loaded.get(version)
    if found is None:
        _forget()
        found = tuple(_read_manifest(version.path, functools.partial(_from_json, str(version.path.parent))))
        _loaded[version] = found
    return found


def _load_checksums(version: _Version) -> Mapping[MigrationId, str]:
    loaded, found = _loaded.get(version), _checksums.get(version)
    if loaded is not None:
        return {migration.id: migration.checksum for migration in loaded}
    if found is None:
        _forget()
        found = dict(_read_manifest(version.path, _checksum))
        _checksums[version] = found
    return found


def _forget() -> None:
    """Make room for what is read next; another thread may do so at any time."""
    _loaded.clear()
    _checksums.clear()


def _of_version(reading: Callable[[_Version], T], dist_dir: Path) -> T | None:
    """What `reading` gives of the manifest as it is now; None if there is none. Raises DistError."""
    path = dist_dir / MANIFEST
    try:
        now = path.stat()
        if not stat.S_ISREG(now.st_mode):
            raise DistError(
                N_(
                    "Cannot read {path}: it is no plain file. Take it away and run migrations_build.",
                    path=shown_path(path),
                )
            )
        return reading(_Version(path, now.st_ino, now.st_mtime_ns, now.st_size))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DistError(
            N_(
                "Cannot read {path}: {reason}. Give this process the right to read it.",
                path=shown_path(path),
                reason=error.strerror,
            )
        ) from None


def made_of(dist_dir: Path) -> MadeOf:
    """What the build in `dist_dir` was made of, in half the time of `load`.

    Raises OSError if there is none or it cannot be read, DistError if it is none.
    """
    made_of = MadeOf({}, set())

    def take(entry: dict[str, Any]) -> None:
        made_of.hashes[entry["id"], entry["source"]] = entry["hash"]
        if "depends" in entry:
            made_of.apps.update(text.partition(".")[0] for text in entry["depends"])

    _read_manifest(dist_dir / MANIFEST, take)
    return made_of


def release_of(dist_dir: Path) -> str | None:
    """The release that the build in `dist_dir` was made for, None if it has none, or cannot be read."""
    try:
        with (dist_dir / MANIFEST).open("rb") as file:
            found = json.loads(file.readline() + b"]}").get("release")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def _read_manifest(path: Path, take: Callable[[dict[str, Any]], T]) -> list[T]:
    """What `take` makes of each entry, as it was written.

    No entry is kept, and nothing is copied that need not be: memory that is new to a process takes it time.
    """
    data = read(path)
    try:
        start = data.index(b"\n") + 1
        head = json.loads(data[:start] + b"]}")
        if head["format"] != FORMAT:
            raise DistError(
                N_(
                    "{path} has format {found!r}, this version reads format {known}. Run migrations_build with the "
                    "version that runs the migrations.",
                    path=shown_path(path),
                    found=head["format"],
                    known=FORMAT,
                )
            )
        if head["hash"] != hashlib.sha256(memoryview(data)[start:]).hexdigest():
            raise ValueError(head["hash"])
        bracket = start - len("[\n")
        found, _ = json.JSONDecoder(object_hook=take).raw_decode(data.decode(), bracket)
        return list(found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DistError(
            N_("{path} is not what migrations_build wrote. Run migrations_build.", path=shown_path(path))
        ) from None


def _checksum(entry: dict[str, Any]) -> tuple[MigrationId, str]:
    return _id(entry["id"]), entry["checksum"]


def _id(text: str) -> MigrationId:
    app, name = text.split(".", 1)
    return MigrationId(sys.intern(app), name)  # thousands have the same app


def _manifest(migrations: Sequence[Migration], release: str | None) -> str:
    entries = ",\n".join(json.dumps(_to_json(migration), ensure_ascii=False) for migration in migrations)
    rest = f"{entries}\n]}}\n"
    named = f'"release": {json.dumps(release)}, ' if release else ""
    hashed = hashlib.sha256(rest.encode()).hexdigest()
    return f'{{"format": {FORMAT}, "hash": "{hashed}", {named}"migrations": [\n{rest}'


def _to_json(migration: Migration) -> dict[str, Any]:
    entry = {
        "id": str(migration.id),
        "source": migration.source,
        "hash": migration.hash,
        "checksum": migration.checksum,
        "up": _part_to_json(migration.up),
        "down": _part_to_json(migration.down) if migration.down else None,
    }
    optional = {name: getattr(migration, name) for name in _OPTIONAL}
    phase = {"phase": migration.phase} if migration.phase == "after" else {}
    return entry | {name: value for name, value in optional.items() if value} | phase


def _part_to_json(part: Part) -> tuple[Any, ...]:
    return part if part.more else part[:-1]


def _part_from_json(values: list[Any]) -> Part:
    part = Part(*values)
    return part._replace(more=tuple(map(Piece._make, part.more))) if part.more else part


def _from_json(dist_dir: str, entry: dict[str, Any]) -> Migration:
    """The migration of an entry that `_to_json` made, as the manifest's hash has shown.

    Raises ValueError for one that names a file elsewhere, which only somebody else can have written.
    """
    id_, source, file_hash, down = (
        _id(entry["id"]),
        entry["source"],
        entry["hash"],
        entry["down"],
    )
    if "/" in entry["id"] or not source.endswith((".sql", ".py")):
        raise ValueError(entry["id"])
    # By position: a run that has nothing to do reads every entry.
    return Migration(
        id_,
        source,
        _file(dist_dir, id_, file_hash, source),
        file_hash,
        entry["checksum"],
        _part_from_json(entry["up"]),
        _part_from_json(down) if down else None,
        tuple(entry.get("depends", ())),
        entry.get("feature"),
        tuple(entry.get("keep", ())),
        entry.get("description", ""),
        tuple(entry.get("allow", ())),
        entry.get("phase", "before"),
        tuple(entry.get("drops", ())),
        entry.get("replace", False),
        entry.get("baseline", False),
    )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """One build at a time. The lock is on the folder itself, so it leaves no file and dies with its process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        locks.lock(descriptor, locks.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _has(path: Path, file_hash: str) -> bool:
    try:
        return hashlib.sha256(read(path)).hexdigest() == file_hash
    except OSError:
        return False


def _sync(folder: Path) -> None:
    """Have the names of the files in a folder written to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(migration: Migration, target: Path) -> bool:
    """Copy a source to `target`, and tell whether that was needed. Raises DistError if the source has changed."""
    if _has(target, migration.hash):
        return False
    try:
        data = read(migration.file)
    except OSError as error:
        raise DistError(
            N_(
                "Cannot read {file}: {reason}. Run migrations_build again.",
                file=migration.source,
                reason=error.strerror,
            )
        ) from None
    if hashlib.sha256(data).hexdigest() != migration.hash:
        raise DistError(N_("{file} was changed during the build. Run migrations_build again.", file=migration.source))
    put(target, data)
    return True


def _replace(path: Path, data: bytes) -> None:
    """Do what `put` does, unless `path` has that content."""
    if not path.is_file() or path.read_bytes() != data:
        put(path, data)


def _remove_stale(dist_dir: Path, keep: set[Path]) -> None:
    for folder in dist_dir.iterdir():
        if folder.is_symlink() or not folder.is_dir():
            if re.fullmatch(rf"{re.escape(MANIFEST)}\.[0-9]+\.tmp", folder.name):
                folder.unlink()
            continue
        stale = [file for file in folder.iterdir() if re.fullmatch(_BUILT, file.name) and file not in keep]
        for file in stale:
            file.unlink()
        if stale and not any(folder.iterdir()):
            folder.rmdir()


def read_part(migration: Migration, part: Part) -> str:
    """The text of one part of `migration`. Raises DistError if its file is not the one that was built."""
    return part.sql(read_text(migration))


def read_text(migration: Migration) -> str:
    """All of the text of `migration`. Raises DistError if its file is not the one that was built."""
    try:
        data = read(migration.file)
    except OSError as error:
        raise DistError(
            N_(
                "Cannot read {path}, the build of {file}: {reason}. Run migrations_build, unless another build was "
                "made meanwhile: then only run this again.",
                path=shown_path(migration.file),
                file=migration.source,
                reason=error.strerror,
            )
        ) from None
    if hashlib.sha256(data).hexdigest() != migration.hash:
        raise DistError(
            N_(
                "{path} is not what migrations_build wrote for {file}. Nobody edits the build: change the source and "
                "run migrations_build.",
                path=shown_path(migration.file),
                file=migration.source,
            )
        )
    text = decode(data, migration.source)
    if (whole_checksum(text) if migration.is_python else migration.up.checksum(text)) != migration.checksum:
        raise DistError(N_("The manifest does not fit {path}. Run migrations_build.", path=shown_path(migration.file)))
    return text


def stored_down(migration: Migration, text: str | None = None) -> str | None:
    """The text of the down part that the history is to keep, or None.

    There is none without a down part, and none of a Python file, because code is never run from a table. `text` is
    that of the file, None to have it read. Raises DistError if its file is not the one that was built.
    """
    if migration.down is None or migration.is_python:
        return None
    part, text = migration.down, read_text(migration) if text is None else text
    return store(part.sql(text), part)


def store(sql: str, part: Part) -> str:
    """The text under which the history stores the down part `part` with the SQL `sql`; `parse_stored` reads it."""
    option = "" if part.transaction is None else f" transaction:{str(part.transaction).lower()}"
    return f"-- migrate:down{option}\n{sql}"
