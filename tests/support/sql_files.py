"""What the parser finds in the text of an SQL file."""

from __future__ import annotations

import hashlib

import pytest

from medusa_migrations.errors import FileError
from medusa_migrations.files.sqlfile import ParsedFile, parse
from medusa_migrations.migration import Direction

PATH = "blog/sql_migrations/20240101000001_t.sql"


def up(text: str) -> str:
    """The SQL of the up part of a file with this text."""
    return sql(parse(text, PATH), Direction.UP)


def down(text: str) -> str | None:
    parsed = parse(text, PATH)
    return sql(parsed, Direction.DOWN) if parsed.down else None


def sql(parsed: ParsedFile, direction: Direction) -> str:
    part = parsed.up if direction is Direction.UP else parsed.down
    assert part is not None
    return part.sql(parsed.text).strip()


def refusal(text: str) -> str:
    with pytest.raises(FileError) as caught:
        parse(text, PATH)
    return str(caught.value)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
