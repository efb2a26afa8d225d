"""Which migrations share a message."""

from __future__ import annotations

import pytest

from medusa_migrations.migration import Direction, MigrationId, Piece
from medusa_migrations.plan.steps import Step
from medusa_migrations.run.batches import CHARACTERS, batches
from medusa_migrations.run.task import Script, Task

FILES = 5


def task(sql: str, *, copies: bool = False, python: bool = False) -> Task:
    id_ = MigrationId("blog", "20240101000000_t")
    script = Script(id_, sql, "t.sql", (Piece(0, len(sql), 1),), copies)
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
    found = list(batches(tasks, FILES))
    assert [len(batch) for batch in found] == sizes
    assert [one for batch in found for one in batch] == tasks
