"""What each statement does to tables in use is found, and nothing else, on empty tables and on tables with rows.

The cases are in the files of `cases/`, a paragraph each: a sentence, then `given`, what is there before, `finds`, each
code with its tables, and the statements. With `transaction:false` each statement is a transaction of its own. `from 18`
stands for what older servers do not know, `empty` for what would fail on rows, `fails` for what fails anyway.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from medusa_migrations.errors import DatabaseError
from medusa_migrations.lint.watch import Watch
from tests.lint.support import Case, Database, cases, lint_database
from tests.support.projects import Server

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("lint")]

CASES = cases()


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Database]:
    with lint_database(server) as found:
        yield found


@pytest.mark.parametrize("case", [case for case in CASES if "fails" not in case.flags], ids=lambda case: case.name)
@pytest.mark.parametrize("rows", [False, True], ids=["empty", "with rows"])  # all the empty ones first
def test_finds(case: Case, rows: bool, database: Database) -> None:
    if database.major < case.first:
        pytest.skip(f"needs PostgreSQL {case.first}")
    if rows and "empty" in case.flags:
        pytest.skip("fails on rows")
    found = database.findings(case, rows)
    assert [f"{one.code} {' '.join(one.tables)}" for one in found] == list(case.finds)


@pytest.mark.parametrize("case", [case for case in CASES if "fails" in case.flags], ids=lambda case: case.name)
def test_what_fails_fails_as_without_the_watch(case: Case, database: Database) -> None:
    with pytest.raises(psycopg2.errors.UnsafeNewEnumValueUsage):
        database.findings(case, rows=False)


def test_cases_have_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_server_that_does_not_count_is_refused(database: Database) -> None:
    database.execute("SET track_counts = off")
    try:
        with pytest.raises(DatabaseError, match="track_counts is off on this server"):
            Watch(database.query).start()
    finally:
        database.execute("RESET track_counts")


def until_others_have_ended(database: Database) -> None:
    """What was made while other tests had transactions counts as changed as long as those go on."""
    made = database.query("SELECT pg_current_xact_id()::text::bigint", None)[0][0]
    deadline = time.monotonic() + 60
    while database.query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint", None)[0][0] <= made:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_watch_that_is_started_again_reads_what_has_changed(database: Database) -> None:
    database.have_tables(rows=True)
    database.spoil()
    read: list[int] = []

    def query(sql: str, params: list[Any] | None) -> list[tuple[Any, ...]]:
        rows = database.query(sql, params)
        read.append(len(rows))
        return rows

    until_others_have_ended(database)
    watch = Watch(query)
    database.execute("BEGIN")
    watch.start()
    database.execute("ALTER TABLE post ALTER COLUMN views TYPE bigint")
    watch.after()
    database.execute("ROLLBACK")
    database.execute("ALTER TABLE post RENAME COLUMN views TO seen")
    database.execute("CREATE TABLE tag (id bigint PRIMARY KEY); CREATE INDEX post_views_idx ON post (seen)")
    read.clear()
    database.execute("BEGIN")
    watch.start()
    assert sum(read) < 20
    database.execute("ALTER TABLE post RENAME COLUMN seen TO watched")
    assert watch.after().tables[0].name == "post"
    database.execute("ALTER TABLE tag ADD n int NOT NULL")
    (change,) = next(table for table in watch.after().tables if table.name == "tag").changes
    assert (change.event, change.name) == ("added", "n")
    (late,) = watch.end()[0].tables
    assert [(change.event, change.name, change.column.name) for change in late.changes] == [
        ("renamed", "seen", "watched")
    ]
    database.execute("ROLLBACK")
    database.execute("BEGIN")
    watch.start()
    database.execute("ALTER TABLE post ALTER COLUMN seen TYPE bigint")
    (post,) = watch.after().tables
    assert post.is_rewritten
    database.execute("ROLLBACK")
