"""One transaction for all: migrations that share a message, and what is told of them as if they did not."""

from __future__ import annotations

import signal
from itertools import pairwise

import pytest

from medusa_migrations.database.postgresql import REACHED_KEY
from medusa_migrations.run.together import FILES
from tests.support.projects import SLEEPING, Project

COUNT = 2 * FILES + 20
WRONG = FILES + 20


@pytest.fixture
def many(project: Project) -> list[str]:
    return [project.table(number // 60 * 100 + number % 60) for number in range(COUNT)]  # as minutes and seconds


@pytest.mark.smoke
def test_all_are_applied_in_their_order_and_reverted(project: Project, many: list[str]) -> None:
    outcome = project.run("--transaction", "all", "--json").ok()
    assert [one["id"] for one in outcome.json["migrations"]] == many
    assert project.applied() == many
    times = project.sql("SELECT applied_at, duration_ms FROM medusa_migrations ORDER BY id")
    assert all(before <= after for (before, _), (after, _) in pairwise(times))
    assert all(0 <= milliseconds < 5000 for _, milliseconds in times)
    logged = project.sql("SELECT name, at, duration_ms, action FROM medusa_migrations_log ORDER BY id")
    assert logged == project.sql("SELECT name, applied_at, duration_ms, 'applied' FROM medusa_migrations ORDER BY id")
    assert project.locks() == 0
    project.manage("migrations_revert", "--all", "--transaction", "all").ok()
    assert project.history() == []
    assert project.tables() == set()


@pytest.mark.parametrize("action", ["applied", "reverted"])
def test_the_time_of_each_is_its_own(project: Project, many: list[str], action: str) -> None:
    slow = many[WRONG + 9]  # in neither direction the last of its message
    project.write(slow, "SELECT pg_sleep(0.4);", "SELECT pg_sleep(0.4);")
    project.run("--transaction", "all").ok()
    if action == "reverted":
        project.manage("migrations_revert", "--all", "--transaction", "all").ok()
    found = f"SELECT app || '.' || name FROM medusa_migrations_log WHERE action = '{action}'"
    assert project.sql(f"{found} ORDER BY duration_ms DESC LIMIT 1") == [(slow,)]


@pytest.mark.smoke
def test_one_that_fails_in_the_midst_is_told_with_its_place(project: Project, many: list[str]) -> None:
    project.write(many[WRONG], "SELECT 1;\nSELECT nothing;")
    outcome = project.run("--transaction", "all", "--json")
    assert outcome.code == 1
    error = outcome.json["error"]
    assert (error["id"], error["line"], error["column"], error["sqlstate"]) == (many[WRONG], 3, 8, "42703")
    statuses = [one["status"] for one in outcome.json["migrations"]]
    assert statuses == ["rolled_back"] * WRONG + ["failed"]
    assert project.tables() == set()
    assert project.history() == []


@pytest.mark.smoke
def test_one_that_is_stopped_in_the_midst_is_told(project: Project, many: list[str]) -> None:
    project.write(many[WRONG], "SELECT pg_sleep(60);")
    process = project.start("migrations_run", "--build", "--transaction", "all")
    project.wait_for(SLEEPING)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"{many[WRONG]} was stopped. Everything was rolled back" in stderr
    assert f"Applying {many[WRONG - 1]}... OK" in stdout
    assert f"Applying {many[WRONG]}... FAILED" in stdout
    assert many[WRONG + 1] not in stdout
    assert project.tables() == set()


@pytest.mark.parametrize("slow", [3, WRONG], ids=["in the first message", "in the second"])
def test_where_the_message_under_way_begins_is_seen(project: Project, many: list[str], slow: int) -> None:
    project.write(many[slow], "SELECT pg_sleep(60);")
    process = project.start("migrations_run", "--build", "--transaction", "all")
    project.wait_for(SLEEPING)
    shown = project.manage("migrations_show", "--json").ok().json["migrations"]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert [one["id"] for one in shown if one["state"] == "running"] == [many[slow // FILES * FILES]]


def test_one_that_frees_the_run_lock_is_told(project: Project, many: list[str]) -> None:
    project.write(many[WRONG], "SELECT pg_advisory_unlock_all();")
    assert f"{many[WRONG]} failed (up): " in project.run("--transaction", "all").error()
    assert project.tables() == set()


@pytest.mark.parametrize("number", [0, 1, FILES, WRONG])
def test_a_transaction_s_isolation_may_be_set_where_it_could_be_before(
    project: Project, many: list[str], number: int
) -> None:
    """PostgreSQL takes it as the first of a transaction only."""
    project.write(many[number], "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;")
    outcome = project.run("--transaction", "all")
    if number == 0:
        outcome.ok()
    else:
        assert f"{many[number]} failed (up): SET TRANSACTION ISOLATION LEVEL must be called before any query" in (
            outcome.error()
        )


def test_a_connection_that_is_lost_before_the_commit_has_done_nothing(project: Project) -> None:
    first, second = project.table(1), "blog.20240101000002_end"
    project.write(second, "SELECT pg_terminate_backend(pg_backend_pid());")
    outcome = project.run("--transaction", "all", "--json")
    error = outcome.json["error"]["message"]
    assert "already closed" not in error
    assert [(one["id"], one["status"]) for one in outcome.json["migrations"]] in ([], [(first, "rolled_back")])
    said = project.run("--transaction", "all").error()
    assert "Everything was rolled back" in said
    assert "not known" not in said
    assert project.tables() == set()


def test_a_connection_that_is_lost_at_the_commit_leaves_it_open(project: Project) -> None:
    project.sql(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
        "CREATE TABLE log (id int);"
        "CREATE CONSTRAINT TRIGGER c AFTER INSERT ON log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " EXECUTE FUNCTION cut()"
    )
    project.table(1)
    project.write("blog.20240101000002_log", "INSERT INTO log VALUES (1);")
    outcome = project.run("--transaction", "all", "--json")
    assert [one["status"] for one in outcome.json["migrations"]] == ["failed", "failed"]
    assert "not known here whether it was applied" in project.run("--transaction", "all").error()


def test_who_has_come_so_far_is_counted_anew_by_a_further_try(project: Project) -> None:
    project.sql("CREATE SEQUENCE tries")
    second = "blog.20240101000002_sleep"
    project.table(1)
    project.write(second, "SELECT pg_sleep(60) FROM tries WHERE last_value > 1;")
    project.write(
        "blog.20240101000003_conflict",
        "DO $$ BEGIN PERFORM nextval('tries'); RAISE SQLSTATE '40001' USING MESSAGE = 'conflict'; END $$;",
    )
    process = project.start("migrations_run", "--build", "--transaction", "all")
    project.wait_for(SLEEPING)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert f"{second} was stopped. Everything was rolled back" in stderr


def test_what_the_server_says_besides_comes_behind_the_batch(project: Project) -> None:
    ids = [f"blog.2024010100000{number}_notice" for number in (1, 2)]
    for id_ in ids:
        project.write(id_, f"DO $$ BEGIN RAISE NOTICE 'of {id_}'; END $$;")
    said = project.run("--transaction", "all", "--verbosity", "2").ok().stdout
    assert said.index(f"Applying {ids[1]}") < said.index(f"of {ids[0]}") < said.index(f"of {ids[1]}")


def test_somebody_else_who_counts_holds_nobody_up(project: Project) -> None:
    project.table(1)
    connection = project.server.connect(project.database)
    try:
        connection.cursor().execute(f"SELECT pg_advisory_lock({REACHED_KEY}, 1)")
        project.run("--transaction", "all", "--no-lock").ok()
    finally:
        connection.close()
