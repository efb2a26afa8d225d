"""The admin's page of a run split all of its SQL at each GET: 28 s for 50 MB of INSERTs. Found by load."""

from __future__ import annotations

import pytest

from medusa_migrations.admin import runs
from medusa_migrations.admin.runs import losses
from medusa_migrations.sql.scanner import scan

LIMIT = 1000
ROW = "INSERT INTO t VALUES ('a row');\n"
MANY = ROW * (LIMIT // len(ROW) + 1)


@pytest.mark.parametrize(
    ("sql", "lost", "may_lose_more"),
    [
        (f"DROP TABLE a; {ROW}", ["DROP TABLE a"], False),
        (f"DROP TABLE a; {MANY}", ["DROP TABLE a"], False),
        (f"{MANY}; drop table a", [], True),
        (f"TRUNCATE a; {MANY}; Delete from b", ["TRUNCATE a"], True),
        # What is cut is not taken for what it would be without its end.
        (f"{ROW}DELETE FROM a --{'x' * LIMIT}\nWHERE id = 1", [], True),
        (f"DROP TABLE a; INSERT INTO t VALUES ({'1' * LIMIT})", ["DROP TABLE a"], False),
        (f"DROP TABLE a; INSERT INTO t VALUES ('{'x' * LIMIT}')", ["DROP TABLE a"], False),
        ("drop no 'SQL", [], False),
    ],
    ids=["short", "at the start", "at the end", "both", "cut", "cut in parentheses", "cut in a string", "no SQL"],
)
def test_what_is_not_looked_through_is_told(
    sql: str, lost: list[str], may_lose_more: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "SPLIT_CHARACTERS", LIMIT)
    assert losses(sql) == (lost, may_lose_more)


def test_data_is_not_split_and_no_more_than_seconds_take_is(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    monkeypatch.setattr(runs, "SPLIT_CHARACTERS", LIMIT)
    monkeypatch.setattr(runs, "scan", lambda text: texts.append(text) or scan(text))
    assert losses(MANY * 20) == ([], False)
    assert texts == []
    losses(f"DROP TABLE a; {MANY * 20}")
    assert [len(text) for text in texts] == [LIMIT]
