"""Where a part runs without a transaction, and whose BEGIN and COMMIT become comments."""

from __future__ import annotations

import pytest

from medusa_migrations.adopt.draft import Chunk, Draft, stop
from medusa_migrations.adopt.parts import closed, part, unwrapped
from medusa_migrations.migration import Direction
from medusa_migrations.results import ImportPlace


@pytest.mark.parametrize(
    ("sql", "transaction", "option"),
    [
        ("CREATE TABLE a ();\n", True, ""),
        ("CREATE TABLE a ();\n", False, " transaction:false"),
        ("CREATE INDEX CONCURRENTLY ON a (b);\n", True, " transaction:false"),
        ("SELECT 'VACUUM'; -- VACUUM\n", True, ""),
        ("BEGIN;\nSELECT 1;\nCOMMIT;\nSELECT 2;\n", True, " transaction:false"),
        ("SELECT 'not closed\n", True, ""),
        ("", True, ""),
    ],
)
def test_a_part_runs_without_a_transaction_where_that_is_said_or_needed(
    sql: str, transaction: bool, option: str
) -> None:
    chunks = part(Direction.UP, [Chunk(sql)], transaction=transaction)
    assert "".join(chunk.text for chunk in chunks) == f"-- migrate:up{option}\n{sql}"


@pytest.mark.parametrize(
    ("sql", "after"),
    [
        (
            "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n",
            "--| migrate:up\nSELECT 1;\n--| migrate:down\nSELECT 2;\n",
        ),
        ("SELECT 1,\n--migrate: Feature x\n2;\n", "SELECT 1,\n--|migrate: Feature x\n2;\n"),
        ("SELECT $$\n-- migrate:down\n$$, '\n-- migrate:down\n';\n", None),
        (" -- migrate:down\n/*\n-- migrate:down\n*/ -- migrate:up\n-- migrated\n", None),
        ("COPY a FROM stdin;\n-- migrate:down\n\\.\n", None),
    ],
)
def test_what_would_be_a_directive_here_is_a_comment_as_it_was_there(sql: str, after: str | None) -> None:
    assert [chunk.text for chunk in part(Direction.UP, [Chunk(sql)])] == ["-- migrate:up\n", after or sql]


@pytest.mark.parametrize(
    ("sql", "after"),
    [
        ("BEGIN;\nSELECT 1;\nCOMMIT;\n", "/* BEGIN; */\nSELECT 1;\n/* COMMIT; */\n"),
        ("-- x\nbegin transaction ;SELECT 1; end", "-- x\n/* begin transaction ; */SELECT 1; /* end */"),
        ("START TRANSACTION;\nCOMMIT;", "/* START TRANSACTION; */\n/* COMMIT; */"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT;", None),
        ("BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;", None),
        ("BEGIN; SELECT 1; ROLLBACK;", None),
        ("BEGIN; SELECT 1;", None),
        ("SELECT 1;", None),
        ("", None),
    ],
)
def test_a_begin_and_a_commit_around_everything_become_comments(sql: str, after: str | None) -> None:
    assert unwrapped(sql) == (sql if after is None else after)


@pytest.mark.parametrize(
    ("sql", "after"),
    [
        ("SELECT 1", "SELECT 1;\n"),
        ("SELECT 1;", "SELECT 1;\n"),
        ("SELECT 1 -- why\n", "SELECT 1; -- why\n"),
        ("SELECT 1;\nSELECT ';'\n\n", "SELECT 1;\nSELECT ';';\n\n"),
        ("-- only a comment", "-- only a comment\n"),
        ("", ""),
    ],
)
def test_the_last_statement_is_closed(sql: str, after: str) -> None:
    assert closed(sql) == after


def test_a_stop_says_where_and_why_and_keeps_the_code_as_comments() -> None:
    chunk = stop(ImportPlace("a'b.ts", 3, "look\nat it"), "if (x) {\n-- migrate:down\n}")
    assert chunk.text == (
        "-- Imported from a'b.ts:3: look at it\n-- | if (x) {\n-- | -- migrate:down\n-- | }\n"
        "DO $import$ BEGIN RAISE EXCEPTION USING MESSAGE = 'a''b.ts:3: look at it'; END $import$;\n"
    )


def test_a_line_is_known_by_the_file_that_it_comes_from() -> None:
    chunks = (Chunk("-- migrate:up\n"), Chunk("a\nb\n", "one.sql", 5), Chunk("c\n", "two.sql", is_value=True))
    draft = Draft("1", "one.sql", "", None, chunks)
    assert [draft.origin(line) for line in range(1, 6)] == [
        None,
        ("one.sql", 5, True),
        ("one.sql", 6, True),
        ("two.sql", 1, False),
        None,
    ]
