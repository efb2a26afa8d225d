"""What a run of a fleet comes to."""

from __future__ import annotations

import pytest

from medusa_migrations.fleet.results import Counts, EndedBy, FleetResult, TargetResult, grouped, outcome
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import Failure

ID = MigrationId("blog", "20240101000001_t")
WHY = Failure(ID, "no such column", "blog/sql_migrations/20240101000001_t.sql", 3, 35, "42703")


def failed(name: str, failure: Failure | None = WHY, told: str = "") -> TargetResult:
    return TargetResult(name, "failed", error=failure, attempt=1, told=told)


@pytest.mark.parametrize(
    ("failures", "left", "ended_by", "expected"),
    [
        (0, 0, None, "complete"),
        (0, 0, "interrupted", "complete"),
        (1, 0, None, "incomplete"),
        (1, 0, "budget_spent", "incomplete"),
        (1, 2, "budget_spent", "budget_spent"),
        (1, 0, "canary_failed", "canary_failed"),
        (0, 2, "interrupted", "interrupted"),
        (0, 2, None, "incomplete"),
    ],
)
def test_the_outcome(failures: int, left: int, ended_by: EndedBy | None, expected: str) -> None:
    assert outcome(Counts(9, 3, 6 - failures - left, failures, left), ended_by) == expected


def test_a_thousand_equal_failures_are_one_error() -> None:
    targets = [
        failed("odd", WHY._replace(line=4)),
        *(failed(f"t{n}", WHY._replace(column=n), "told") for n in range(997)),
    ]
    most, odd = grouped(targets)
    assert (len(most.targets), most.targets[:2], most.told, most.failure.column) == (997, ("t0", "t1"), "told", 0)
    assert (odd.targets, odd.told) == (("odd",), "no such column")


def test_a_failure_that_is_of_no_migration_is_told_in_its_words() -> None:
    [error] = grouped([failed("a", None, "There is no schema."), TargetResult("b", "done")])
    assert (error.failure.message, error.told, error.targets) == ("There is no schema.", "There is no schema.", ("a",))


def test_counts_and_the_exit_code() -> None:
    targets = (TargetResult("a", "current"), TargetResult("b", "done"), failed("c"), TargetResult("d", "not_reached"))
    result = FleetResult("tenants", 1, Direction.UP, "abc", "budget_spent", targets)
    assert result.counts == Counts(4, 1, 1, 1, 1)
    assert (result.exit_code, result._replace(outcome="complete").exit_code) == (1, 0)
