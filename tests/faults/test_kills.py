"""Killed clients and servers: nothing is lost, and nothing done twice."""

from __future__ import annotations

from tests.support.kills import terminate_backend
from tests.support.processes import ended
from tests.support.projects import SLEEPING, UNLOCKED, Project


def test_the_statement_of_a_killed_client_is_rolled_back_soon(project: Project) -> None:
    project.write("blog.20240101000002_slow", "CREATE TABLE half (id int); SELECT pg_sleep(30);")
    run = project.start("migrations_run", "--build")
    project.wait_for(SLEEPING)
    run.kill()
    ended(run)
    project.wait_for(f"NOT {SLEEPING}", seconds=5)
    project.wait_for(UNLOCKED, seconds=5)
    assert (project.tables(), project.history()) == (set(), [])


def test_a_terminated_backend_is_an_error_and_the_next_run_finds_out(project: Project) -> None:
    first = project.table(1)
    project.write("blog.20240101000002_slow", "CREATE TABLE half (id int); SELECT pg_sleep(2);")
    run = project.start("migrations_run", "--build")
    project.wait_for(SLEEPING)
    terminate_backend(project)
    code, _, stderr = ended(run)
    assert code == 1
    assert "Traceback" not in stderr
    assert "it looks into the history first" in stderr
    assert project.applied() == [first]
    project.run().ok()
    assert len(project.applied()) == 2
    assert project.locks() == 0
