"""dbmate: its files are those of this tool, but for their names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from medusa_migrations.messages import N_

from .draft import Chunk, Converted, Draft, Text
from .names import of_digits
from .parts import whole_lines
from .tool import Applied, HistoryTable, Tool

_NAME = re.compile(r"(?P<version>[0-9]+)(?P<title>.*)\.sql")
# A date and a number of the day, as in 20251007_000001_add_x: the version is the date.
_DATE_AND_NUMBER = re.compile(r"([0-9]{8})_([0-9]{6})(?![0-9])(.*)\.sql")
_MARKER = re.compile(r"^--\s*migrate:(?:up|down)\b", re.MULTILINE)
_UP = re.compile(r"^--\s*migrate:up\b", re.MULTILINE)

_SEVERAL = N_(
    "dbmate before 2.37 runs the first of several pairs of parts alone, and records the file: see whether each "
    "database that it has worked on has all of it."
)


def convert(texts: Sequence[Text]) -> Converted:
    """Its files in the order of their names, in which it runs them."""
    sql = [text for text in sorted(texts, key=lambda text: text.name) if text.name.endswith(".sql")]
    ignored = [text for text in sql if not _NAME.fullmatch(text.name)]
    places = [
        text.place(1, N_("the name has no version, so dbmate does not run it: not imported.")) for text in ignored
    ]
    several = (text.place(line, _SEVERAL) for text in sql if text not in ignored for line in _second_pair(text))
    return Converted(tuple(_drafts(sql)), (*places, *several))


def _second_pair(text: Text) -> list[int]:
    """The line of the second up part, in a list that is empty where there is none."""
    return [text.text.count("\n", 0, up.start()) + 1 for up in itertools.islice(_UP.finditer(text.text), 1, 2)]


def _drafts(texts: Sequence[Text]) -> Iterator[Draft]:
    for text in texts:
        if not (name := _NAME.fullmatch(text.name)):
            continue
        digits, title = name["version"], name["title"]
        if dated := _DATE_AND_NUMBER.fullmatch(text.name):
            digits, title = dated[1] + dated[2], dated[3]
        chunks = (Chunk(whole_lines(text.text), text.path),)
        yield Draft(name["version"], text.path, title, of_digits(digits), chunks)


def _read(rows: Sequence[tuple[Any, ...]], keys: Sequence[str]) -> list[Applied]:
    return [Applied(str(version)) for (version,) in rows]


TOOL = Tool(
    "dbmate",
    convert,
    lambda text: bool(text.name.endswith(".sql") and _MARKER.search(text.text)),
    HistoryTable("schema_migrations", ("version::text",), "version", _read, others={"dirty"}),
)
