"""What statements drop, told by their words."""

from __future__ import annotations

import pytest

from medusa_migrations.sql.drops import Drop, drops


def lost(what: str) -> Drop:
    return Drop(what, True)


def kept(what: str) -> Drop:
    return Drop(what, False)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("DROP TABLE a", [lost("table a")]),
        ("DROP TABLE IF EXISTS s.a, b CASCADE", [lost("table s.a"), lost("table b")]),
        ('DROP TABLE "A b"."c.d"', [lost('table "A b"."c.d"')]),
        ('DROP TABLE U&"d\\0061t"', [lost('table "dat"')]),
        ("DROP TABLE a /* , b */ -- , c", [lost("table a")]),
        ("DROP SCHEMA old CASCADE", [lost("schema old")]),
        ("DROP OWNED BY bob", [lost("owned by bob")]),
        ("DROP TYPE mood", [kept("type mood")]),
        ("DROP TYPE mood CASCADE", [lost("type mood")]),
        ("DROP INDEX CONCURRENTLY IF EXISTS i", [kept("index i")]),
        ("DROP MATERIALIZED VIEW m, n", [kept("materialized view m"), kept("materialized view n")]),
        ("DROP FUNCTION f(int, text), g", [kept("function f(int, text)"), kept("function g")]),
        ("DROP TRIGGER t ON a", [kept("trigger t ON a")]),
        ("DROP TEXT SEARCH CONFIGURATION c", [kept("text search configuration c")]),
        ("ALTER TABLE a DROP COLUMN b", [lost("column a.b")]),
        ("ALTER TABLE a DROP b", [lost("column a.b")]),
        (
            "ALTER TABLE IF EXISTS ONLY s.a DROP COLUMN IF EXISTS b CASCADE, ADD c numeric(1, 2), DROP d RESTRICT",
            [lost("column s.a.b"), lost("column s.a.d")],
        ),
        ("ALTER TABLE a * DROP b", [lost("column a.b")]),
        ("ALTER TABLE a DROP CONSTRAINT IF EXISTS c CASCADE", [kept("constraint c of a")]),
        ("ALTER TABLE a ALTER b DROP DEFAULT, ALTER b DROP NOT NULL", []),
        ("ALTER TABLE a ADD b int DEFAULT 1", []),
        ("ALTER TYPE t DROP ATTRIBUTE IF EXISTS x", [lost("attribute t.x")]),
        ("TRUNCATE a", [lost("all rows of a")]),
        ("TRUNCATE TABLE ONLY s.a, b RESTART IDENTITY CASCADE", [lost("all rows of s.a"), lost("all rows of b")]),
        ("DELETE FROM a", [lost("all rows of a")]),
        ("DELETE FROM ONLY s.a AS x", [lost("all rows of s.a")]),
        ("DELETE FROM a WHERE b", []),
        ("WITH x AS (SELECT 1) DELETE FROM a", [lost("all rows of a")]),
        ("DROP TABLE a; DROP TABLE a", [lost("table a")]),
        ("CREATE TABLE a (b int); SELECT 'DROP TABLE c'; DO $$ BEGIN DROP TABLE d; END $$", []),
        ("DROP", []),
        ("ALTER TABLE", []),
        ("TRUNCATE", []),
        ("-- nothing", []),
    ],
)
def test_what_a_statement_drops(sql: str, expected: list[Drop]) -> None:
    assert drops(sql) == expected
