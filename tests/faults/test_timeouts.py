"""Locks and statements that take too long: timeouts, retries, and who is named."""

from __future__ import annotations

import re
import signal
import time

import pytest

from tests.support.processes import ended, read_until, transaction
from tests.support.projects import BLOCKED, SLEEPING, Project


@pytest.mark.parametrize("mode", ["each", "all"])
@pytest.mark.smoke
def test_a_blocked_alter_gives_up_says_who_blocks_tries_again_and_wins(project: Project, mode: str) -> None:
    project.sql("CREATE TABLE busy (id int)")
    project.table(1)
    project.write("blog.20240101000002_alter", "ALTER TABLE busy ADD COLUMN more int;")
    with transaction(project, "SELECT * FROM busy") as other:
        run = project.start(
            "migrations_run", "--build", "--lock-timeout", "700ms", "--retries", "20", "--transaction", mode
        )
        project.wait_for(BLOCKED)
        # A waiting ALTER that gives up lets readers through.
        project.sql("SET lock_timeout = '3s'; SELECT * FROM busy")
        said = read_until(run, "was rolled back")
        other.rollback()
        code, _, stderr = ended(run)
    stderr = said + stderr
    assert code == 0, stderr
    assert re.search(
        r"Waiting for a lock that is held by pid \d+, somebody, user \S+, .*last query: SELECT \* FROM busy", stderr
    )
    assert "was rolled back: canceling statement due to lock timeout. The lock is held by pid" in stderr
    assert len(project.applied()) == 2
    assert project.locks() == 0


def test_a_lock_that_stays_away_ends_the_run_with_its_holder(project: Project) -> None:
    project.sql("CREATE TABLE busy (id int)")
    project.write("blog.20240101000002_alter", "ALTER TABLE busy ADD COLUMN more int;")
    with transaction(project, "SELECT * FROM busy"):
        error = project.run("--lock-timeout", "400ms", "--retries", "0").error()
    assert "55P03" in error
    assert "--lock-timeout or --retries" in error
    assert project.history() == []


@pytest.mark.smoke
@pytest.mark.parametrize("mode", ["each", "all", "none"])
def test_what_is_deferred_is_checked_with_the_timeouts(project: Project, mode: str) -> None:
    """As COMMIT would do it, the lock on the row that a key refers to would be waited for without end."""
    project.sql(
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)"
    )
    project.sql("INSERT INTO p VALUES (1)")
    project.write("blog.20240101000002_insert", "INSERT INTO c VALUES (1);")
    with transaction(project, "SELECT * FROM p FOR UPDATE"):
        error = project.run("--lock-timeout", "300ms", "--retries", "0", "--transaction", mode).error()
    assert "55P03" in error
    assert project.applied() == []
    assert project.sql("SELECT count(*) FROM c") == [(0,)]


def test_a_statement_outside_a_transaction_is_repeated_alone(project: Project) -> None:
    project.sql("CREATE TABLE busy (id int); CREATE TABLE counter (id int)")
    project.write(
        "blog.20240101000002_alter",
        "INSERT INTO counter VALUES (1);\nALTER TABLE busy ADD COLUMN more int;",
        option=" transaction:false",
    )
    with transaction(project, "SELECT * FROM busy") as other:
        run = project.start("migrations_run", "--build", "--lock-timeout", "300ms", "--retries", "20")
        read_until(run, "was rolled back")
        other.rollback()
        assert ended(run)[0] == 0
    assert project.sql("SELECT count(*) FROM counter") == [(1,)]


def test_an_index_built_concurrently_has_no_lock_timeout(project: Project) -> None:
    project.sql("CREATE TABLE busy (id int)")
    project.write("blog.20240101000002_ix", "CREATE INDEX CONCURRENTLY ix ON busy (id);", option=" transaction:false")
    with transaction(project, "INSERT INTO busy VALUES (1)") as other:
        run = project.start("migrations_run", "--build", "--lock-timeout", "200ms", "--retries", "0")
        project.wait_for(BLOCKED)
        time.sleep(0.6)
        other.commit()
        code, _, stderr = ended(run)
    assert code == 0, stderr
    assert project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix'::regclass") == [(True,)]


def test_a_deadlock_is_tried_again(project: Project) -> None:
    project.sql("CREATE TABLE a (id int); CREATE TABLE b (id int)")
    project.write("blog.20240101000002_dead", "LOCK TABLE a; SELECT pg_sleep(0.6); LOCK TABLE b;")
    with transaction(project, "LOCK TABLE b") as other:
        run = project.start("migrations_run", "--build", "--lock-timeout", "0")
        project.wait_for(SLEEPING)
        other.cursor().execute("SET deadlock_timeout = '30s'; LOCK TABLE a")
        other.rollback()
        code, _, stderr = ended(run)
    assert code == 0, stderr
    assert "deadlock detected" in stderr


def test_statement_timeout_is_obeyed(project: Project) -> None:
    project.write("blog.20240101000002_slow", "SELECT pg_sleep(20);")
    error = project.run("--statement-timeout", "300ms").error()
    assert "57014" in error
    assert "--statement-timeout" in error


NOISY = "CREATE PROCEDURE log_it() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (1); COMMIT; {} END $$;"


def test_a_record_that_has_to_wait_does_not_repeat_the_statement(project: Project) -> None:
    project.sql("CREATE TABLE log (id int); " + NOISY.format("PERFORM pg_sleep(1);"))
    project.write("blog.20240101000001_call", "CALL log_it();", option=" transaction:false")
    run = project.start("migrations_run", "--build", "--lock-timeout", "300ms")
    project.wait_for(SLEEPING)
    with transaction(project, "LOCK TABLE medusa_migrations IN SHARE MODE"):
        project.wait_for(BLOCKED)
        time.sleep(0.5)
    code, _, stderr = ended(run)
    assert code == 0, stderr
    assert project.sql("SELECT count(*) FROM log") == [(1,)]
    assert len(project.applied()) == 1


def test_a_stop_as_a_statement_ends_is_recorded_with_it(project: Project) -> None:
    swallowing = "BEGIN PERFORM pg_sleep(20); EXCEPTION WHEN query_canceled THEN NULL; END;"
    project.sql("CREATE TABLE log (id int); " + NOISY.format(swallowing))
    id_ = "blog.20240101000001_call"
    project.write(id_, "CALL log_it();\nSELECT 1;", option=" transaction:false")
    run = project.start("migrations_run", "--build")
    project.wait_for(SLEEPING)
    run.send_signal(signal.SIGTERM)
    assert ended(run)[0] == 1
    assert project.sql("SELECT state, statements_done FROM medusa_migrations") == [("failed", 1)]
    project.run().ok()
    assert project.sql("SELECT count(*) FROM log") == [(1,)]


def test_the_lock_timeout_is_back_after_a_concurrent_statement_that_failed(project: Project) -> None:
    project.sql("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    up = (
        "CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a);\n"
        "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS v;"
    )
    project.write("blog.20240101000001_ix", up, option=" transaction:false")
    project.run().error()
    project.sql("DELETE FROM t WHERE ctid = '(0,1)'")
    project.run("--lock-timeout", "4s").ok()
    assert project.sql("SELECT v FROM seen") == [("4s",)]
