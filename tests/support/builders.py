"""Short ways to the values and folders that the tests without a database are about."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.test import override_settings

from medusa_migrations.files import sqlfile
from medusa_migrations.migration import Migration, MigrationId
from medusa_migrations.migration import checksum as sql_checksum
from medusa_migrations.plan.known import Known, Row, know

NOBODY = 65534

# Django's own migrations are numbered from 0001, so what starts with 0 is one of them.
_SHORT = re.compile(r"(?P<app>\w+)\.(?P<number>[1-9][0-9]{0,5})(_(?P<slug>.+))?")


def mid(text: str) -> MigrationId:
    """The id that `text` writes. A short one, `blog.3` or `blog.3_posts`, gets the date 2024-01-01 00:00:03."""
    short = _SHORT.fullmatch(text)
    if short:
        return MigrationId(short["app"], f"20240101{int(short['number']):06d}_{short['slug'] or 'x'}")
    app, _, name = text.partition(".")
    return MigrationId(app, name)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def migration(
    id_: str, *depends: str, up: str | None = None, down: str | None = "", feature: str | None = None, **options: Any
) -> Migration:
    """A migration in no file; its up part is by default one that no other has. `transaction` goes on both parts.

    Of `depends`, short ids are written out; what names a Django migration is left as it is.
    """
    found = mid(id_)
    option = {None: "", True: " transaction:true", False: " transaction:false"}[options.pop("transaction", None)]
    text = f"-- migrate:up{option}\n{f'SELECT {str(found)!r};' if up is None else up}\n"
    text += f"-- migrate:down{option}\n{down}\n" if down is not None else ""
    parsed = sqlfile.parse(text, "")
    source = f"{found.app}/sql_migrations/{found.name}.sql"
    written_out = tuple(str(mid(one)) if _SHORT.fullmatch(one) else one for one in depends)
    made = Migration(found, source, f"/nowhere/{source}", sha(text), parsed.checksum, parsed.up, parsed.down)
    return made._replace(depends=written_out, feature=feature, **options)


def row(of: Migration | str, serial: int = 0, **values: Any) -> Row:
    """A row of the history: of a migration as it is, or of one that has no file; `up` is what was applied."""
    id_, checksum = (mid(of), sha(str(mid(of)))) if isinstance(of, str) else (of.id, of.checksum)
    if "up" in values:
        checksum = sql_checksum(values.pop("up"))
    return Row(**{"serial": serial, "id": id_, "checksum": checksum, "state": "applied"} | values)


def known(
    migrations: Iterable[Migration], rows: Iterable[Row] = (), features: Mapping[str, bool] | None = None
) -> Known:
    """`migrations` in the order given, and `rows`; those without a serial are numbered as they come."""
    numbered = [one._replace(serial=one.serial or number) for number, one in enumerate(rows, 1)]
    return know(tuple(migrations), numbered, lambda name: (features or {}).get(name, False))


def in_file(folder: Path, id_: str, up: str | None = None, header: str = "", down: str | None = "") -> Migration:
    """A migration in a source file below `folder`, which stands for BASE_DIR."""
    found = mid(id_)
    text = f"{header}-- migrate:up\n{f'SELECT {str(found)!r};' if up is None else up}\n"
    text += f"-- migrate:down\n{down}\n" if down is not None else ""
    source = f"{found.app}/sql_migrations/{found.name}.sql"
    path = folder / source
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    parsed = sqlfile.parse(text, source)
    return Migration(
        id=found,
        source=source,
        file=str(path),
        hash=sha(text),
        checksum=parsed.checksum,
        up=parsed.up,
        down=parsed.down,
        depends=parsed.depends,
        feature=parsed.feature,
        keep=parsed.keep,
        phase=parsed.phase,
        description=parsed.description,
        baseline=parsed.baseline,
    )


def app_folder(parent: Path, name: str, files: Mapping[str, str | bytes] | None = None) -> Path:
    """A package `name`, dotted or not, below `parent`, with `files` in its source folder, which is returned."""
    folder = parent
    for part in name.split("."):
        folder /= part
        folder.mkdir(exist_ok=True, parents=True)
        (folder / "__init__.py").touch()
    sources = folder / "sql_migrations"
    sources.mkdir(exist_ok=True)
    for file, content in (files or {}).items():
        (sources / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    return sources


@contextlib.contextmanager
def installed(*names: str, path: Path | Iterable[Path], **settings: Any) -> Iterator[None]:
    """INSTALLED_APPS is `names`, found in the folders `path`; `settings` are overridden with it."""
    folders = [str(path)] if isinstance(path, Path) else [str(one) for one in path]
    before, modules = list(sys.path), set(sys.modules)
    sys.path[:0] = folders
    try:
        with override_settings(INSTALLED_APPS=list(names), **settings):
            yield
    finally:
        sys.path[:] = before
        roots = {name.partition(".")[0] for name in names}
        for module in set(sys.modules) - modules:
            if module.partition(".")[0] in roots:
                del sys.modules[module]


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Permission bits do not stop root: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    codecs.lookup("utf-8-sig")  # whose module that user may not be able to read, which Python would remember for ever
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
