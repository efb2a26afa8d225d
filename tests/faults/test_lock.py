"""Two at once, as real processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from medusa_migrations.database.lock import run_lock
from medusa_migrations.events import ignore
from tests.support.processes import ended, read_until, transaction
from tests.support.projects import BLOCKED, SLEEPING, UNTIL_GO, Project
from tests.support.sessions import session_on


@contextmanager
def closed(project: Project, table: str) -> Iterator[None]:
    """Meanwhile a table is locked, and whoever wants it waits."""
    connection = project.server.connect(project.database)
    try:
        connection.cursor().execute(f"BEGIN; LOCK TABLE {table}")
        yield
    finally:
        connection.close()


@pytest.mark.smoke
def test_the_second_run_waits_says_who_works_and_finds_nothing_to_do(project: Project) -> None:
    project.sql("CREATE TABLE go ()")
    project.write("blog.20240101000001_slow", f"{UNTIL_GO} CREATE TABLE t (id int);")
    first = project.start("migrations_run", "--build")
    project.wait_for(SLEEPING)
    second = project.start("migrations_run")
    told = read_until(second, "Waiting up to 60 s for the lock")
    assert "medusa_migrations" in told
    assert f":{first.pid}" in told
    project.sql("INSERT INTO go DEFAULT VALUES")
    code, stdout, _ = ended(first)
    assert code == 0
    assert "OK" in stdout
    code, stdout, _ = ended(second)
    assert code == 0
    assert "No migrations to apply." in stdout
    assert project.locks() == 0


def test_who_does_not_wait_is_told_who_works(project: Project) -> None:
    project.sql("CREATE TABLE gate ()")
    project.write("blog.20240101000001_slow", "LOCK TABLE gate;")
    with closed(project, "gate"):
        first = project.start("migrations_run", "--build", "--lock-timeout", "60s")
        project.wait_for(BLOCKED)
        error = project.manage("migrations_run", "--lock-wait", "0").error()
        assert f":{first.pid}" in error
        assert "Nothing was done" in error
        error = project.manage("migrations_run", "--lock-wait", "0.3").error()
        assert "Waited 0.3 s" in error
    first.communicate()
    assert first.returncode == 0


def test_without_the_lock_the_history_row_still_keeps_it_from_running_twice(project: Project) -> None:
    project.write("blog.20240101000001_slow", "LOCK TABLE gate IN SHARE MODE; INSERT INTO t VALUES (1);")
    project.sql("CREATE TABLE t (id int); CREATE TABLE gate ()")
    project.table(0)
    project.run("--to", "blog.20240101000000_t0").ok()
    with closed(project, "gate"):
        runs = [project.start("migrations_run", "--no-lock", "--lock-timeout", "60s") for _ in range(2)]
        project.wait_for("2 = (SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass)")
    for run in runs:
        run.communicate()
    assert sorted(run.returncode for run in runs) == [0, 1]
    assert project.sql("SELECT count(*) FROM t") == [(1,)]


@pytest.mark.smoke
def test_several_at_once_on_a_virgin_database_with_a_concurrent_index(project: Project) -> None:
    for number in range(1, 6):
        project.table(number)
    project.write("blog.20240101000100_ix", "CREATE INDEX CONCURRENTLY ix ON t1 (id);", option=" transaction:false")
    project.manage("migrations_build").ok()
    runs = [project.start("migrations_run") for _ in range(8)]
    outcomes = [(*run.communicate(), run.returncode) for run in runs]
    assert [code for *_, code in outcomes] == [0] * 8, outcomes
    assert sum(stdout.count("... OK") for stdout, *_ in outcomes) == 6
    assert len(project.applied()) == 6
    assert project.locks() == 0


def test_a_killed_run_leaves_no_lock_and_the_next_one_works(project: Project) -> None:
    project.write("blog.20240101000001_slow", "CREATE TABLE t (id int); SELECT pg_sleep(0.5);")
    first = project.start("migrations_run", "--build")
    project.wait_for(SLEEPING)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    project.manage("migrations_run").ok()
    assert len(project.applied()) == 1
    assert project.locks() == 0


def test_the_lock_is_freed_without_a_warning_in_the_servers_log(project: Project, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), session_on(project.server, project.database) as session:
        with run_lock(session, 0, ignore):
            session.rollback()
        assert not session.notices
        with run_lock(session, 0, ignore):
            session.execute("BEGIN")
        assert session.query(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        ) == [(0,)]


def test_two_reverts_without_the_lock_undo_once(project: Project) -> None:
    project.sql("CREATE TABLE c AS SELECT 10 AS n")
    project.write("blog.20240101000001_count", "UPDATE c SET n = n + 1;", "SELECT pg_sleep(1); UPDATE c SET n = n - 1;")
    project.run().ok()
    reverts = [project.start("migrations_revert", "--no-lock") for _ in range(2)]
    outcomes = [ended(revert) for revert in reverts]
    assert sorted(code for code, *_ in outcomes) == [0, 1]
    assert project.sql("SELECT n FROM c") == [(10,)]
    assert any("another process has reverted it meanwhile" in stderr for *_, stderr in outcomes)


@pytest.mark.parametrize(
    ("option", "works"), [(" transaction:false", "migrations_revert"), (" transaction:false", "migrations_run")]
)
def test_who_comes_while_statements_run_one_by_one_waits(project: Project, option: str, works: str) -> None:
    id_ = "blog.20240101000001_slow"
    project.sql("CREATE TABLE gate ()")
    project.write(id_, "SELECT 1;\nSELECT FROM gate;", "SELECT 1;", option=" transaction:false")
    with transaction(project, "LOCK TABLE gate"):
        run = project.start("migrations_run", "--build", "--lock-timeout", "60s")
        project.wait_for(BLOCKED)
        assert "running now" in project.manage("migrations_repair").ok().stdout
        who_comes = project.start(works)
        assert "Waiting up to" in read_until(who_comes, "Waiting up to")
    assert ended(run)[0] == 0
    assert ended(who_comes)[0] == 0
    assert project.history() == ([] if works == "migrations_revert" else [(id_, "applied")])
