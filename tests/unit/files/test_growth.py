"""A file that is ten times as long is about ten times the work to read."""

from __future__ import annotations

import sys
from typing import Any, SupportsIndex

import pytest

from medusa_migrations.files.sqlfile import parse
from tests.support.sql_files import PATH

INSERT = "INSERT INTO t (a, b) VALUES (1234567, 'it''s a text');\n"

# What a text begins with, what it repeats, and what ends it.
KINDS = {
    "many statements": ("-- migrate:up\n", INSERT, ""),
    "many statements without a transaction": ("-- migrate:up transaction:false\n", INSERT, ""),
    "one statement": ("-- migrate:up\nINSERT INTO t VALUES\n", "  (1234567, 'it''s a text'),\n", "(1, '');"),
    "one word": ("-- migrate:up\n", "a", ""),
    "white space": ("-- migrate:up\na", "  \n", ";"),
    "parentheses": ("-- migrate:up\n", "(", ""),
    "comments": ("-- migrate:up\n", "SELECT 1; -- migrate:down\n-- a heading\n", ""),
    "rows": ("-- migrate:up\nCOPY t FROM stdin;\n", "1234567\ttext\n", "\\.\n"),
    "a body": ("-- migrate:up\nCREATE FUNCTION f() BEGIN ATOMIC\n", "SELECT f('text');\n", "END;"),
    "savepoints": ("-- migrate:up\n", "SAVEPOINT a; RELEASE a;\n", ""),
    "parts": ("", "-- migrate:up\nSELECT 1\n-- migrate:down\nSELECT 2\n", ""),
    "dumps": ("-- migrate:up\n", "\\restrict a\nSELECT 1;\n\\unrestrict a\n", ""),
    "a header": ("", "-- migrate:depends auth\n-- words\n", "-- migrate:up\n"),
}

LENGTH, TIMES = 2_000, 10


class Measured(str):
    """A text that counts how many of its characters are looked at or copied."""

    steps = 0

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        found = super().__getitem__(key)
        Measured.steps += len(found)
        return found

    def count(self, part: str, *where: Any) -> int:
        Measured.steps += len(range(*slice(*where).indices(len(self)))) if where else len(self)
        return super().count(part, *where)

    def find(self, part: str, *where: Any) -> int:
        found = super().find(part, *where)
        Measured.steps += (found if found >= 0 else len(self)) - (where[0] if where else 0)
        return found

    def rfind(self, part: str, *where: Any) -> int:
        found = super().rfind(part, *where)
        Measured.steps += (where[1] if len(where) > 1 else len(self)) - found
        return found


def steps(kind: tuple[str, str, str], length: int) -> int:
    """How many calls it takes to read a file of this kind and to put its parts together, and how many characters."""
    first, repeated, last = kind
    text = Measured(first + repeated * (length // len(repeated)) + last)
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    Measured.steps = 0
    sys.setprofile(count)
    try:
        parsed = parse(text, PATH)
        for part in (parsed.up, parsed.down):
            if part:
                part.checksum(text)
                part.sql(text)
                part.pieces_of_sql(text)
    finally:
        sys.setprofile(None)
    return calls + Measured.steps


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_the_work_grows_with_the_length(kind: tuple[str, str, str]) -> None:
    """Ten times the length: what is in proportion takes about 10 times the steps, what goes with the square 100."""
    steps(kind, LENGTH)  # patterns are compiled at the first
    assert steps(kind, LENGTH * TIMES) < 1.5 * TIMES * steps(kind, LENGTH)
