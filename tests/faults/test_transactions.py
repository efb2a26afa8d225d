"""What one transaction cannot hold, and what is checked before it ends."""

from __future__ import annotations

import pytest

from tests.support.kills import give_few_locks
from tests.support.projects import Project

DEFERRED = {
    "temporary tables with a key between them": (
        "CREATE TEMP TABLE a (id int PRIMARY KEY);"
        "CREATE TEMP TABLE b (a int REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO b VALUES (1); INSERT INTO a VALUES (1);"
    ),
    "a trigger that needs the search_path": (
        "CREATE SCHEMA s; SET LOCAL search_path = s; CREATE TABLE t (id int); CREATE TABLE log (id int);"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO log VALUES (1); RETURN NULL; END';"
        "CREATE CONSTRAINT TRIGGER c AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();"
        "INSERT INTO t VALUES (1);"
    ),
}


@pytest.mark.parametrize("case", DEFERRED)
def test_what_is_deferred_is_checked_where_it_was_written(project: Project, case: str) -> None:
    project.write("blog.20240101000001_deferred", DEFERRED[case])
    project.run().ok()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE q (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);"
            "INSERT INTO q VALUES (1); INSERT INTO p VALUES (1);",
            "ALTER TABLE q ADD COLUMN more int;",
        ),
        (
            "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (e e);",
            "ALTER TYPE e ADD VALUE 'b'; INSERT INTO t VALUES ('b');",
        ),
    ],
    ids=["pending trigger events", "a new enum value"],
)
def test_what_one_transaction_cannot_do_hints_at_each(project: Project, first: str, second: str) -> None:
    project.write("blog.20240101000001_one", first)
    if "ENUM" in first:
        project.run().ok()
        second, third = second.split(";")[:2]
        project.write("blog.20240101000002_two", second)
        project.write("blog.20240101000003_three", third)
    else:
        project.write("blog.20240101000002_two", second)
    assert "use --transaction each" in project.run("--transaction", "all").error()
    project.run("--transaction", "each").ok()


def test_the_lock_table_that_is_too_small_hints_at_each(lone_project: Project) -> None:
    project = lone_project
    give_few_locks(project)
    for number in range(120):
        project.write(
            f"blog.2024010100{number // 60:02d}{number % 60:02d}_many",
            f"DO $$ BEGIN FOR i IN 1..20 LOOP EXECUTE format('CREATE TABLE m{number}_%s ()', i); END LOOP; END $$;",
        )
    error = project.run("--transaction", "all").error()
    assert "out of shared memory" in error
    assert "use --transaction each" in error
    assert (project.tables(), project.history()) == (set(), [])


def test_a_read_only_transaction_of_the_authors_own_is_recorded_behind_it(project: Project) -> None:
    project.write(
        "blog.20240101000001_read", "BEGIN READ ONLY;\nSELECT 1;\nCOMMIT;\nSELECT 2;", option=" transaction:false"
    )
    project.run().ok()
    assert len(project.applied()) == 1
