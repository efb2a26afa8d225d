"""What a statement is called in a message."""

from __future__ import annotations

import pytest

from medusa_migrations.lint.wording import action, listed
from medusa_migrations.sql.scanner import split


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE post ALTER slug SET NOT NULL", "SET NOT NULL"),
        ("ALTER TABLE post ALTER slug TYPE text", "ALTER COLUMN … TYPE"),
        ("ALTER TABLE post ADD COLUMN type text NOT NULL", "ADD COLUMN"),
        ("ALTER TABLE post ADD UNIQUE (a), ALTER b SET NOT NULL", "ALTER TABLE"),
        ("ALTER TABLE post ADD n int", "ALTER TABLE"),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON post (a)", "CREATE UNIQUE INDEX"),
        ("CREATE MATERIALIZED VIEW m AS SELECT 1", "CREATE MATERIALIZED VIEW"),
        ("ALTER DOMAIN d SET NOT NULL", "ALTER DOMAIN"),
        ("REINDEX TABLE post", "REINDEX"),
        ("DO $$ BEGIN END $$", "The DO block"),
        ("UPDATE post SET a = 1", "UPDATE"),
        ("DROP TABLE post", "DROP TABLE"),
    ],
)
def test_action(sql: str, expected: str) -> None:
    assert action(split(sql)[0].words) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcde", "a, b, c and 2 more")],
)
def test_listed(names: str, expected: str) -> None:
    assert listed(list(names)) == expected
