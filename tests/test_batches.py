"""One transaction for all: migrations that share a message, and what is told of them as if they did not."""

from __future__ import annotations

import signal
from itertools import pairwise

import pytest

from medusa_migrations.batches import CHARACTERS, FILES, batches
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.plan import Step
from medusa_migrations.task import Script, Task
from tests.projects import SLEEPING, Project

COUNT = 2 * FILES + 20
WRONG = FILES + 20


def task(sql: str, *, copies: bool = False, python: bool = False) -> Task:
    id_ = MigrationId("blog", "20240101000000_t")
    script = Script(id_, Direction.UP, sql, "t.sql", 1, copies)
    return Task(Step(id_, Direction.UP), script, True, False, function=(lambda schema: None) if python else None)


SMALL, LARGE = task("SELECT 1"), task("x" * (CHARACTERS + 1))

CASES = {
    "none": ([], []),
    "few go together": ([SMALL] * 3, [3]),
    "no more than so many": ([SMALL] * (FILES + 1), [FILES, 1]),
    "a large one is alone": ([SMALL, LARGE, SMALL, SMALL], [1, 1, 2]),
    "one with rows is alone": ([SMALL, SMALL, task("COPY", copies=True), SMALL], [2, 1, 1]),
    "one in Python is alone": ([task("", python=True), SMALL], [1, 1]),
    "no more than so many characters": ([task("x" * (CHARACTERS // 2))] * 5, [2, 2, 1]),
}


@pytest.mark.parametrize("case", CASES)
def test_which_share_a_message(case: str) -> None:
    tasks, sizes = CASES[case]
    found = list(batches(tasks))
    assert [len(batch) for batch in found] == sizes
    assert [one for batch in found for one in batch] == tasks


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
    assert project.locks() == 0
    project.manage("migrations_revert", "--all", "--transaction", "all").ok()
    assert project.history() == []
    assert project.tables() == set()


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
