"""Killed clients and servers: nothing is lost, and nothing done twice."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.support.processes import ended
from tests.support.projects import SLEEPING, UNLOCKED, Project

BACKENDS = "pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'medusa_migrations %'"


def wait_for_backend(project: Project, run: subprocess.Popen[str]) -> None:
    """Until the server works for a run, or that has ended: Python's start takes most of the time."""
    with closing(project.server.connect(project.database)) as connection, connection.cursor() as cursor:
        while run.poll() is None:
            cursor.execute(f"SELECT count(*) FROM {BACKENDS}")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.005)


def kill_client(project: Project, run: subprocess.Popen[str]) -> bool:
    """Tells whether it was still at work."""
    was_running = run.poll() is None
    run.kill()
    return was_running


def terminate_backend(project: Project, run: subprocess.Popen[str]) -> bool:
    """Tells whether it was still at work."""
    return bool(project.sql(f"SELECT pg_terminate_backend(pid) FROM {BACKENDS}"))


def test_the_statement_of_a_killed_client_is_rolled_back_soon(project: Project) -> None:
    project.write("blog.20240101000002_slow", "CREATE TABLE half (id int); SELECT pg_sleep(30);")
    project.manage("migrations_build").ok()
    run = project.start("migrations_run")
    project.wait_for(SLEEPING)
    run.kill()
    ended(run)
    project.wait_for(f"NOT {SLEEPING}", seconds=5)
    project.wait_for(UNLOCKED, seconds=5)
    assert (project.tables(), project.history()) == (set(), [])


def test_a_terminated_backend_is_an_error_and_the_next_run_finds_out(project: Project) -> None:
    first = project.table(1)
    project.write("blog.20240101000002_slow", "CREATE TABLE half (id int); SELECT pg_sleep(2);")
    project.manage("migrations_build").ok()
    run = project.start("migrations_run")
    project.wait_for(SLEEPING)
    terminate_backend(project, run)
    code, _, stderr = ended(run)
    assert code == 1
    assert "Traceback" not in stderr
    assert "it looks into the history first" in stderr
    assert project.applied() == [first]
    project.run().ok()
    assert len(project.applied()) == 2
    assert project.locks() == 0


@pytest.mark.parametrize("end", [kill_client, terminate_backend])
@pytest.mark.parametrize("part", range(2))
def test_at_random_moments_nothing_is_lost_and_nothing_done_twice(
    project: Project, end: Callable[[Project, subprocess.Popen[str]], bool], part: int
) -> None:
    """Each migration adds a row, a table or an index; after every kill the history says exactly what is there."""
    rows, wanted = 24, 26
    project.sql("CREATE TABLE done (number int)")
    for number in range(rows):
        moment = f"blog.20240101{number:06d}"
        if number % 3 == 2:
            project.write(
                f"{moment}_steps",
                f"INSERT INTO done VALUES ({number});\nCREATE INDEX CONCURRENTLY ix{number} ON done (number);\n"
                f"SELECT pg_sleep(0.01);\nCREATE TABLE s{number} (id int);",
                option=" transaction:false",
            )
        else:
            project.write(f"{moment}_t", f"INSERT INTO done VALUES ({number}); SELECT pg_sleep(0.02);")
    project.manage("migrations_build").ok()
    dice = random.Random(part)
    kills = 0
    for _ in range(3 * wanted):
        if kills == wanted:
            break
        run = project.start("migrations_run", "--lock-wait", "20")
        wait_for_backend(project, run)
        time.sleep(dice.uniform(0, 0.6))
        kills += end(project, run)
        ended(run)
        check_history(project)
        if len(project.applied()) == rows:
            project.sql("TRUNCATE done, medusa_migrations")
            for number in range(2, rows, 3):
                project.sql(f"DROP INDEX ix{number}; DROP TABLE s{number}")
    assert kills == wanted
    project.manage("migrations_run").ok()
    check_history(project)
    assert len(project.applied()) == rows
    assert project.sql("SELECT count(*), count(DISTINCT number) FROM done") == [(rows, rows)]
    assert project.sql("SELECT count(*) FROM pg_index WHERE indrelid = 'done'::regclass AND indisvalid") == [
        (rows // 3,)
    ]
    assert project.locks() == 0


def check_history(project: Project) -> None:
    """What the history has as applied is there once; what is not there is not in the history."""
    project.wait_for(UNLOCKED, seconds=10)
    if not project.history():
        return
    applied = {int(id_[len("blog.20240101") :][:6]) for id_ in project.applied()}
    begun = {int(id_[len("blog.20240101") :][:6]) for id_, _ in project.history()}
    there = [number for (number,) in project.sql("SELECT number FROM done")]
    assert len(there) == len(set(there)), "done twice"
    assert applied <= set(there), "lost"
    assert set(there) <= begun, "done, and the history does not know"
