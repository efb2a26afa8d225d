"""A CALL or DO that had committed a part was sent again by itself, and its rows were there two or three times.

Found by an attack: after a lock timeout by the retries of the same run, after SIGKILL by the next run.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.processes import ended, transaction
from tests.support.projects import BLOCKED, UNLOCKED, Project

ID = "blog.20240101000001_fill"
CALL = "CALL fill();"
DO = "DO $$ BEGIN CALL fill(); COMMIT; END $$;"


def prepared(project: Project, up: str, down: str = "") -> None:
    project.sql("CREATE TABLE batch (number int); CREATE TABLE busy AS SELECT 1 AS a")
    project.sql(
        "CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO batch VALUES (1); COMMIT; UPDATE busy SET a = 2; INSERT INTO batch VALUES (2); COMMIT; END $$"
    )
    project.write(ID, up, down, option=" transaction:false")
    project.manage("migrations_build").ok()


@contextmanager
def busy(project: Project) -> Iterator[None]:
    """Meanwhile somebody holds the row that the second batch wants."""
    with transaction(project, "UPDATE busy SET a = 3"):
        yield


def batches(project: Project) -> list[int]:
    return [number for (number,) in project.sql("SELECT number FROM batch ORDER BY number")]


def killed(project: Project, command: str) -> None:
    with busy(project):
        run = project.start(command)
        project.wait_for(BLOCKED)
        run.kill()
        ended(run)
        project.wait_for(UNLOCKED)  # the server has noticed; before, it would go on with the CALL


def again_says(project: Project, command: str) -> str:
    """What a further command says, which changes nothing."""
    before = batches(project)
    error = project.manage(command).error()
    assert batches(project) == before
    return error


@pytest.mark.smoke
def test_after_a_lock_timeout_it_is_sent_again_by_no_run_unless_somebody_says_so(project: Project) -> None:
    prepared(project, f"SELECT 1;\n{CALL}\nSELECT 2;")
    with busy(project):
        outcome = project.manage("migrations_run", "--lock-timeout", "100ms")
    error = outcome.error()
    assert "Try 2" not in error
    assert "statement 2 may be committed in part" in error
    assert f"migrations_repair --send-again {ID}" in error
    assert batches(project) == [1]
    error = again_says(project, "migrations_run")
    assert "statement 2, which may be committed in part" in error
    assert "blog/sql_migrations/20240101000001_fill.sql:3" in error
    assert "may be committed in part" in project.manage("migrations_show").ok().stdout
    findings = project.manage("migrations_repair").ok().stdout
    assert f"migrations_repair --send-again {ID}, --mark-applied {ID}, or --mark-reverted {ID}" in findings
    project.sql("DELETE FROM batch")
    said = project.manage("migrations_repair", "--send-again", ID).ok().stdout
    assert said == f"{ID}: the next migrations_run sends the statement at which it stopped again\n"
    project.manage("migrations_run").ok()
    assert batches(project) == [1, 2]
    assert project.applied() == [ID]
    assert project.sql("SELECT progress FROM medusa_migrations") == [(None,)]


@pytest.mark.parametrize("mode", ["each", "none"])
def test_after_a_kill_too(project: Project, mode: str) -> None:
    prepared(project, DO)
    killed(project, "migrations_run")
    assert "statement 1, which may be committed in part" in again_says(project, "migrations_run")
    project.configure(TRANSACTION=mode)
    project.write(ID, DO)  # without its mark, it is still one that was begun without a transaction
    project.manage("migrations_build").ok()
    assert "may be committed in part" in again_says(project, "migrations_run")


def test_a_statement_that_was_mended_is_another_and_is_sent(project: Project) -> None:
    prepared(project, f"SELECT 1;\n{CALL}")
    killed(project, "migrations_run")
    project.write(ID, f"SELECT 1;\n-- A comment is no other statement.\n{CALL}", option=" transaction:false")
    assert "may be committed in part" in project.run().error()
    project.write(ID, "SELECT 1;\nINSERT INTO batch VALUES (2);\nSELECT 3;", option=" transaction:false")
    project.run().ok()
    assert batches(project) == [1, 2]


def test_after_a_signal_the_last_line_does_not_say_to_run_it_again(project: Project) -> None:
    prepared(project, CALL)
    with busy(project):
        run = project.start("migrations_run")
        project.wait_for(BLOCKED)
        run.send_signal(signal.SIGINT)
        code, _, stderr = ended(run)
    assert code == 130
    assert "its statement 1 may be committed in part" in stderr
    assert f"--send-again {ID}" in stderr
    assert "Run it again to go on" not in stderr
    assert batches(project) == [1]
    assert "may be committed in part" in again_says(project, "migrations_run")


def test_a_revert_neither(project: Project) -> None:
    prepared(project, "SELECT 1;", f"SELECT 1;\n{CALL}")
    project.manage("migrations_run").ok()
    killed(project, "migrations_revert")
    assert "statement 2, which may be committed in part" in again_says(project, "migrations_revert")
    assert "reverted only in part" in again_says(project, "migrations_run")
    said = project.manage("migrations_repair", "--send-again", ID).ok().stdout
    assert said == f"{ID}: the next migrations_revert sends the statement at which it stopped again\n"
    project.manage("migrations_revert").ok()
    assert batches(project) == [1, 1, 2]
    assert project.history() == []


def test_one_that_is_done_and_could_not_be_recorded_neither(project: Project) -> None:
    prepared(project, CALL)
    project.sql(
        "CREATE OR REPLACE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO batch VALUES (1); COMMIT;"
        " PERFORM pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()); END $$"
    )
    assert "Traceback" not in project.manage("migrations_run").error()
    project.wait_for(UNLOCKED)
    assert "may be committed in part" in again_says(project, "migrations_run")
    refused = project.manage("migrations_repair", "--send-again", "blog.20240101000009_none").error()
    assert "is none that this can repair" in refused
