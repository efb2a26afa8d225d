"""The steps of a plan: their transactions, and the fingerprint of them all."""

from __future__ import annotations

import pytest

from medusa_migrations.errors import PlanError
from medusa_migrations.plan.backwards import Backwards
from medusa_migrations.plan.forwards import Forwards
from medusa_migrations.plan.steps import Plan, fingerprint, refuse_mode_all
from tests.support.builders import known, migration, row
from tests.support.plans import B1, B2, FIVE


@pytest.mark.parametrize(
    ("marker", "mode", "transactional"),
    [
        (None, "each", True),
        (None, "all", True),
        (None, "none", False),
        (True, "each", True),
        (True, "none", True),
        (False, "each", False),
        (False, "none", False),
    ],
)
def test_the_marker_says_whether_there_is_a_transaction_else_the_mode(
    marker: bool | None, mode: str, transactional: bool
) -> None:
    one = migration("blog.1", transaction=marker)
    (up,) = Forwards().plan(known([one])).steps
    (down,) = Backwards().plan(known([one], [row(one, statements_done=3)])).steps
    assert up.is_transactional(mode) is transactional
    assert down.is_transactional(mode) is transactional


def test_one_transaction_for_all_refuses_what_cannot_be_in_it() -> None:
    ones = [B1, migration("blog.2", transaction=False), migration("blog.3", transaction=True)]
    with pytest.raises(PlanError) as caught:
        refuse_mode_all(Forwards().plan(known(ones)))
    assert f"{ones[1].id}: marked transaction:false" in str(caught.value)
    assert str(B1.id) not in str(caught.value)
    assert "--transaction each" in str(caught.value)
    refuse_mode_all(Forwards().plan(known([ones[0], ones[2]])))
    refuse_mode_all(Forwards().plan(known([])))


def test_one_transaction_for_all_refuses_what_was_begun_statement_by_statement() -> None:
    with pytest.raises(PlanError, match="blog"):
        refuse_mode_all(Forwards().plan(known([B1], [row(B1, state="failed", statements_done=1)])))


def planned_fingerprint(plan: Plan, mode: str = "each", database: str = "default") -> str:
    found = fingerprint(plan, mode, database)
    assert found == fingerprint(plan, mode, database)
    return found


def test_a_fingerprint_is_another_for_whatever_would_be_sent_otherwise() -> None:
    irreversible = migration("blog.1", down=None)
    stored = [
        row(irreversible, down="-- migrate:down\nSELECT 1;"),
        row(irreversible, down="-- migrate:down\nSELECT 2;"),
    ]
    plans = [
        Forwards().plan(known([])),
        Backwards().plan(known([])),
        Forwards().plan(known([B1])),
        Forwards().plan(known([B1, B2])),
        Forwards().plan(known([B1, B2], [row(B1)])),
        Forwards().plan(known([migration("blog.1", up="SELECT 'another';")])),
        Forwards().plan(known([migration("blog.1", down="SELECT 'another';")])),
        Forwards().plan(known([B1], [row(B1, state="failed", statements_done=1)])),
        Forwards().plan(known([B1], [row(B1, state="failed", statements_done=2)])),
        Backwards().plan(known([B1], [row(B1)])),
        Backwards().plan(known([B1], [row(B1, 2)])),
        *(Backwards().plan(known([], [one])) for one in stored),
    ]
    found = [planned_fingerprint(plan, mode) for plan in plans for mode in ("all", "each", "none")]
    found += [planned_fingerprint(plan, database="other") for plan in plans]
    assert len(set(found)) == len(found)


def test_a_fingerprint_is_the_same_for_the_same_plan_made_anew() -> None:
    one, other = (Backwards(steps=3).plan(known(FIVE, [row(one) for one in FIVE])) for _ in range(2))
    assert planned_fingerprint(one) == planned_fingerprint(other)
