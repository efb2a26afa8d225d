"""The values of an import: a file of another tool, and the migration that is made of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from medusa_migrations.results import Difference, ImportPlace


class Text(NamedTuple):
    """A file of another tool: `path` is what messages cite, `name` its name without the folders."""

    path: str
    name: str
    text: str

    def place(self, line: int, message: str) -> ImportPlace:
        """A place in it that a person must look at."""
        return ImportPlace(self.path, line, message)


class Chunk(NamedTuple):
    """Whole lines of a migration, and where they come from: `path` is empty for what the import adds.

    `is_value` tells that it is the value of a literal, so that its columns are others than those of the file.
    """

    text: str
    path: str = ""
    line: int = 1
    is_value: bool = False


class Origin(NamedTuple):
    """The line that a line of a migration comes from, and whether their columns are the same."""

    path: str
    line: int
    has_columns: bool = True


class Draft(NamedTuple):
    """A migration that is made of another tool's.

    `key` is what that tool's history knows it by, and `path` its file. `moment` is what its version says, None for
    nothing that a timestamp could be; `title` is for the slug. A repeatable one has no place in the order of time.
    `name` is that of the migration that it was made into before, "" for the one that follows from all that.
    """

    key: str
    path: str
    title: str
    moment: datetime | None
    chunks: tuple[Chunk, ...]
    places: tuple[ImportPlace, ...] = ()
    repeatable: bool = False
    name: str = ""

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)

    def origin(self, line: int) -> Origin | None:
        """Where a line of the text comes from, None for one that the import has added."""
        first = 1
        for chunk in self.chunks:
            after = first + chunk.text.count("\n")
            if line < after:
                found = Origin(chunk.path, chunk.line + line - first, not chunk.is_value)
                return found if chunk.path else None
            first = after
        return None


# How a statement begins that stops a run at a place that nobody has looked at.
STOP = "DO $import$ BEGIN RAISE EXCEPTION"


class Converted(NamedTuple):
    """What another tool gives: migrations in its order, and places in files that give none.

    `differences` is what the migrations make otherwise than that tool does, where the two were compared.
    """

    drafts: tuple[Draft, ...]
    places: tuple[ImportPlace, ...] = ()
    differences: tuple[Difference, ...] = ()


def stop(place: ImportPlace, code: str = "") -> Chunk:
    """SQL that fails, so that nothing goes past a place that nobody has looked at; `code` is what stands there."""
    why = " ".join(f"{place.file}:{place.line}: {place.message}".split())
    lines = [f"-- Imported from {why}", *(f"-- | {line}" for line in code.splitlines())]
    quoted = why.replace("'", "''")
    lines += [f"{STOP} USING MESSAGE = '{quoted}'; END $import$;"]
    return Chunk("\n".join(lines) + "\n")


def stops(places: Iterable[ImportPlace]) -> list[Chunk]:
    """A stop for each line that has something to be looked at."""
    by_line = itertools.groupby(places, key=lambda place: (place.file, place.line))
    return [stop(next(group)) for _, group in by_line]
