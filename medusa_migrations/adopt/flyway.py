"""Flyway: V files, each with the U file that undoes it, R files that are run again, and .conf files beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from medusa_migrations.errors import MigrationError, PlanError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction
from medusa_migrations.results import ImportPlace

from .draft import Chunk, Converted, Draft, Text, stop, stops
from .names import of_parts
from .parts import closed, part, unwrapped
from .tool import Applied, HistoryTable, Tool

_VERSIONED = re.compile(r"(?P<kind>[VUB])(?P<version>[0-9]+(?:[._][0-9]+)*)(?:__(?P<title>.*))?\.(?P<suffix>sql|java)")
_REPEATABLE = re.compile(r"R__(?P<title>.+)\.(?P<suffix>sql|java)")
_VERSION = re.compile(r"[0-9]+(?:[._][0-9]+)*", re.ASCII)
_PLACEHOLDER = re.compile(r"\$\{[^}\n]*\}")

_JAVA = N_("this migration is written in Java: write it in SQL or in Python.")
_NOT_IMPORTED = {
    "B": N_("a baseline migration, which stands for those up to its version: not imported."),
    "U": N_("it undoes a version that has no V file: not imported."),
    "": N_("neither a versioned nor a repeatable migration, such as a callback: not imported."),
}


class _File(NamedTuple):
    """A V, U, B or R file, with what its .conf says; the version in its parts, empty for an R file."""

    text: Text
    kind: str
    parts: tuple[str, ...]
    title: str
    settings: dict[str, str]

    @property
    def key(self) -> str:
        return _key(".".join(self.parts)) if self.parts else f"R__{_described(self.title)}"


def convert(texts: Sequence[Text]) -> Converted:
    """Its V files in the order of their versions, then its R files in that of their descriptions."""
    settings = {text.path.removesuffix(".conf"): _settings(text) for text in texts if text.name.endswith(".conf")}
    files = [_file(text, settings.get(text.path, {})) for text in texts if text.name.endswith(".sql") or _is_own(text)]
    undos = _undos(files)
    versioned = sorted((file for file in files if file.kind == "V"), key=lambda file: _numbers(file.key))
    repeatable = sorted((file for file in files if file.kind == "R"), key=lambda file: file.key)
    taken = {file.key for file in versioned}
    left = [file for file in files if file.kind not in {"V", "R"} and not (file.kind == "U" and file.key in taken)]
    drafts = [_draft(file, undos.get(file.key)) for file in (*versioned, *repeatable)]
    return Converted(tuple(drafts), tuple(file.text.place(1, _NOT_IMPORTED[file.kind]) for file in left))


def _undos(files: Sequence[_File]) -> dict[str, _File]:
    """The U files by the versions that they undo. Raises MigrationError for two of one version."""
    found: dict[str, _File] = {}
    for file in files:
        if file.kind == "U" and (twin := found.setdefault(file.key, file)) is not file:
            raise MigrationError(
                N_(
                    "{first} and {second} undo the same version, {version}. Nothing was imported. Take one of the two "
                    "out.",
                    first=twin.text.path,
                    second=file.text.path,
                    version=file.key,
                )
            )
    return found


def _is_own(text: Text) -> bool:
    return bool(_VERSIONED.fullmatch(text.name) or _REPEATABLE.fullmatch(text.name))


def _file(text: Text, settings: dict[str, str]) -> _File:
    if name := _VERSIONED.fullmatch(text.name):
        return _File(text, name["kind"], tuple(re.split("[._]", name["version"])), name["title"] or "", settings)
    if name := _REPEATABLE.fullmatch(text.name):
        return _File(text, "R", (), name["title"], settings)
    return _File(text, "", (), "", settings)


def _settings(text: Text) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.text.splitlines() if not line.lstrip().startswith("#"))
    return {name.strip().removeprefix("flyway."): value.strip() for name, equals, value in pairs if equals}


def _key(version: str) -> str:
    """A version as this compares it: 1.0 and 01 are 1."""
    numbers = [str(int(one)) for one in re.split("[._]", version)]
    while len(numbers) > 1 and numbers[-1] == "0":
        numbers.pop()
    return ".".join(numbers)


def _numbers(key: str) -> tuple[int, ...]:
    return tuple(map(int, key.split(".")))


def _described(title: str) -> str:
    return title.replace("_", " ")


def _draft(file: _File, undo: _File | None) -> Draft:
    places = [*_places(file), *(_places(undo) if undo else ())]
    chunks = _part(Direction.UP, file) + (_part(Direction.DOWN, undo) if undo else [])
    return Draft(
        file.key,
        file.text.path,
        file.title,
        of_parts(file.parts) if file.parts else None,
        tuple(chunks),
        tuple(places),
        repeatable=file.kind == "R",
    )


def _part(direction: Direction, file: _File) -> list[Chunk]:
    if file.text.name.endswith(".java"):
        return part(direction, [stop(place) for place in _places(file)])
    transaction = file.settings.get("executeInTransaction", "true").lower() != "false"
    sql = closed(unwrapped(file.text.text) if transaction else file.text.text)
    return part(direction, [*stops(_places(file)), Chunk(sql, file.text.path)], transaction=transaction)


def _places(file: _File) -> Iterator[ImportPlace]:
    """What Flyway puts into the file, or decides by its .conf."""
    if file.text.name.endswith(".java"):
        yield file.text.place(1, _JAVA)
        return
    if "shouldExecute" in file.settings:
        condition = file.settings["shouldExecute"]
        yield file.text.place(
            1, N_("it runs only where {condition} (shouldExecute): see whether it is to run here.", condition=condition)
        )
    encoding = file.settings.get("encoding", "UTF-8")
    if encoding.upper() not in ("UTF-8", "UTF8") and not file.text.text.isascii():
        yield file.text.place(
            1,
            N_("Flyway reads it as {encoding}: see what its letters are, which were read as UTF-8.", encoding=encoding),
        )
    if file.settings.get("placeholderReplacement", "true").lower() != "false":
        for number, line in enumerate(file.text.text.split("\n"), 1):
            for placeholder in _PLACEHOLDER.findall(line):
                yield file.text.place(
                    number, N_("{placeholder} is a placeholder: write what it stands for.", placeholder=placeholder)
                )


def _read(rows: Sequence[tuple[Any, ...]], keys: Sequence[str]) -> list[Applied]:
    """What was applied and neither undone nor deleted since, and what a baseline stands for."""
    found: dict[str, Applied] = {}
    for version, description, kind, script, at, milliseconds, success in rows:
        if not success:
            raise PlanError(
                N_(
                    "The history of Flyway has {script} as failed. Nothing was recorded. See what it has done, mend "
                    "that, and run flyway repair; then this again.",
                    script=script,
                )
            )
        key = _key_of_row(version, description)
        if kind.startswith("UNDO") or kind == "DELETE":
            found.pop(key, None)
        elif "BASELINE" in kind:
            found |= {one: Applied(one, at) for one in keys if not one.startswith("R__") and _is_up_to(one, key)}
        elif kind != "SCHEMA":
            found[key] = Applied(key, at, milliseconds)
    return list(found.values())


def _key_of_row(version: str | None, description: str) -> str:
    """The key of a row: one without a version is of a repeatable migration, or such as the row of a schema."""
    if version is None:
        return f"R__{_described(description)}"
    if not _VERSION.fullmatch(version):
        raise PlanError(
            N_(
                "The history of Flyway has a row with the version {version!r}, which is none of numbers and dots, so "
                "no Flyway has written it. Nothing was recorded. Mend or delete that row; then run this again.",
                version=version,
            )
        )
    return _key(version)


def _is_up_to(key: str, baseline: str) -> bool:
    return _numbers(key) <= _numbers(baseline)


TOOL = Tool(
    "flyway",
    convert,
    _is_own,
    HistoryTable(
        "flyway_schema_history",
        (
            "version::text",
            "description::text",
            "type::text",
            "script::text",
            "installed_on::timestamptz",
            "execution_time::bigint",
            "success::boolean",
        ),
        "installed_rank",
        _read,
        may_lack={"version"},
    ),
    below=True,
)
