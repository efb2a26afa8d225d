"""The migrations that every peer gets: a table, an index, a new column, and the way back."""

from __future__ import annotations

from pathlib import Path

_UP = """\
CREATE TABLE b{0} (id bigint PRIMARY KEY, name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX b{0}_name_idx ON b{0} (name);
ALTER TABLE b{0} ADD COLUMN note text;
"""
_DOWN = """\
ALTER TABLE b{0} DROP COLUMN note;
DROP INDEX b{0}_name_idx;
DROP TABLE b{0};
"""

# How many tables of these migrations are there: what a peer left behind.
COUNT_TABLES = r"SELECT count(*) FROM pg_catalog.pg_tables WHERE tablename ~ '^b\d+$'"


def up(number: int) -> str:
    return _UP.format(number)


def down(number: int) -> str:
    return _DOWN.format(number)


def write(path: Path, text: str) -> None:
    """Write a file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
