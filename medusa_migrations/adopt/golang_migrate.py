"""golang-migrate: a file for each direction, which the server takes as one message, and so as one transaction."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from medusa_migrations.errors import MigrationError, PlanError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction

from .draft import Chunk, Converted, Draft, Text
from .names import of_digits
from .parts import closed, part, unwrapped
from .tool import Applied, HistoryTable, Tool

# With any suffix, such as .pgsql.
_NAME = re.compile(r"(?P<version>[0-9]+)_(?P<title>.*)\.(?P<direction>up|down)\..*")


def convert(texts: Sequence[Text]) -> Converted:
    """Its pairs of files in the order of their numbers."""
    files: dict[int, dict[Direction, Text]] = defaultdict(dict)
    for text in texts:
        if name := _NAME.fullmatch(text.name):
            version, direction = int(name["version"]), Direction(name["direction"])
            if twin := files[version].get(direction):
                raise MigrationError(
                    N_(
                        "{first} and {second} have the same version. Rename one of the two.",
                        first=twin.path,
                        second=text.path,
                    )
                )
            files[version][direction] = text
    ignored = (text for text in texts if text.name.endswith(".sql") and not _NAME.fullmatch(text.name))
    places = (
        text.place(1, N_("the name is not <version>_<title>.up.sql or .down.sql: not imported.")) for text in ignored
    )
    return Converted(tuple(_draft(str(version), files[version]) for version in sorted(files)), tuple(places))


def _draft(version: str, files: dict[Direction, Text]) -> Draft:
    first = files.get(Direction.UP) or files[Direction.DOWN]
    name = _NAME.fullmatch(first.name)
    assert name is not None  # they are those that have one
    up = files.get(Direction.UP)
    chunks = part(Direction.UP, _body(up) if up else [])
    if down := files.get(Direction.DOWN):
        chunks += part(Direction.DOWN, _body(down))
    return Draft(version, first.path, name["title"], of_digits(name["version"]), tuple(chunks))


def _body(text: Text) -> list[Chunk]:
    return [Chunk(closed(unwrapped(text.text)), text.path)]


def _read(rows: Sequence[tuple[Any, ...]], keys: Sequence[str]) -> list[Applied]:
    """All up to the one version that it keeps."""
    if not rows:
        return []
    version, is_dirty = rows[-1]
    if is_dirty:
        raise PlanError(
            N_(
                "golang-migrate has left version {version} dirty: it failed part-way. Nothing was recorded. See what "
                "it has done, mend that, and run migrate force VERSION; then this again.",
                version=version,
            )
        )
    found = [Applied(key) for key in keys if int(key) <= version]
    return found if str(version) in keys else [*found, Applied(str(version))]


TOOL = Tool(
    "golang-migrate",
    convert,
    lambda text: bool(_NAME.fullmatch(text.name)),
    HistoryTable("schema_migrations", ("version::bigint", "dirty::boolean"), "version", _read),
)
