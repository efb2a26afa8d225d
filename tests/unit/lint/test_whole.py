"""Statements that change or empty all rows of a table, told by their words."""

from __future__ import annotations

import pytest

from medusa_migrations.lint.whole import Whole, full_vacuum, parts, whole

POST = ("post",)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE post SET a = 1", [Whole("UPDATE", POST, "a = 1")]),
        ("UPDATE post SET a = 1 WHERE id = 2", []),
        ("UPDATE ONLY post AS p SET a = lower(b), c = 'SET x'", [Whole("UPDATE", POST, "a = lower(b), c = 'SET x'")]),
        (
            "UPDATE post SET a = (SELECT b FROM c WHERE d = 1)",
            [Whole("UPDATE", POST, "a = (SELECT b FROM c WHERE d = 1)")],
        ),
        ("UPDATE post SET a = o.a FROM o", [Whole("UPDATE", POST)]),
        ('UPDATE public."Post" SET a = 1', [Whole("UPDATE", ("Post",), "a = 1")]),
        ("update Shop.Item set a = 1", [Whole("UPDATE", ("shop", "item"), "a = 1")]),
        (f"UPDATE post SET {', '.join(f'c{n} = {n}' for n in range(100))} WHERE id = 1", []),
        ("WITH o AS (SELECT 1) UPDATE post SET a = 1", [Whole("UPDATE", POST)]),
        ("WITH o AS (DELETE FROM post RETURNING *) SELECT * FROM o", []),
        ("DELETE FROM post", [Whole("DELETE", POST)]),
        ("DELETE FROM ONLY post *", [Whole("DELETE", POST)]),
        ("DELETE FROM post USING o WHERE o.id = post.id", []),
        ("TRUNCATE post", [Whole("TRUNCATE", POST)]),
        (
            "TRUNCATE TABLE ONLY a, b.c *, d CASCADE",
            [Whole("TRUNCATE", (n,) if "." not in n else ("b", "c")) for n in ("a", "b.c", "d")],
        ),
        ("SELECT * FROM post FOR UPDATE", []),
        ("INSERT INTO post VALUES (1) ON CONFLICT DO UPDATE SET a = 1", []),
        ("MERGE INTO post USING o ON true WHEN MATCHED THEN UPDATE SET a = 1", []),
        ("CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM post; END", []),
        ("CREATE TRIGGER t AFTER UPDATE ON post EXECUTE FUNCTION f()", []),
        ("DELETE FROM post; UPDATE post SET a = 1", [Whole("DELETE", POST), Whole("UPDATE", POST)]),
        ("DO $$ BEGIN DELETE FROM post; END $$", [Whole("DELETE", POST)]),
        (
            "DO $x$ BEGIN IF a THEN UPDATE post SET a = 1; ELSE TRUNCATE post; END IF; END $x$ LANGUAGE plpgsql",
            [Whole("UPDATE", POST), Whole("TRUNCATE", POST)],
        ),
        ("DO 'BEGIN UPDATE post SET a = ''x''; END'", [Whole("UPDATE", POST)]),
        ("DO $$ print('delete is not closed) $$", []),
        ("", []),
    ],
)
def test_whole(sql: str, expected: list[Whole]) -> None:
    assert whole(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("VACUUM", None),
        ("VACUUM post", None),
        ("VACUUM FULL", []),
        ("VACUUM FULL VERBOSE post", ["post"]),
        ("VACUUM (FULL, ANALYZE) shop.item (a, b), post", ["shop.item", "post"]),
        ("VACUUM (FULL off) post", None),
        ('VACUUM "full"', None),
    ],
)
def test_full_vacuum(sql: str, expected: list[str] | None) -> None:
    assert full_vacuum(sql) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("post", ("post",)), ("public.post", ("post",)), ('"My Shop"."A.b"', ("My Shop", "A.b")), ("Post", ("post",))],
)
def test_parts(name: str, expected: tuple[str, ...]) -> None:
    assert parts(name) == expected
