"""What a migration's comments let pass: `-- migrate:allow CODE [TABLE]: reason`, above a statement or in the header."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from medusa_migrations.migration import Allowed

_LINE = re.compile(r"^--[ \t]*migrate:allow[ \t]+(.*?)[ \t]*$", re.MULTILINE)


def above(sql: str, end: int, start: int) -> Iterator[tuple[str, int]]:
    """The texts of the comments between a statement that ends at `end` and one that starts at `start`, with offsets."""
    for line in _LINE.finditer(sql, end, start):
        yield line[1], line.start()


def on_lines_above(text: str, line: int) -> Iterator[str]:
    """The texts of the comments directly above a line, which counts from 1."""
    for above_it in reversed(text.split("\n")[: line - 1]):
        if not above_it.startswith("--"):
            return
        if match := _LINE.match(above_it):
            yield match[1]


def lets_pass(text: str, code: str, tables: Iterable[str]) -> bool:
    """Whether `text` allows a finding of this code about one of `tables`."""
    allowed = Allowed.parse(text)
    if allowed is None or allowed.code != code:
        return False
    return not allowed.name or allowed.name.removeprefix("public.") in {name.removeprefix("public.") for name in tables}


def codes_of(allow: Sequence[str]) -> list[str]:
    """Those texts of a header that are about statements, and not about drift."""
    return [text for text in allow if (allowed := Allowed.parse(text)) and allowed.code != "drift"]
