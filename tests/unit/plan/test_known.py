"""What is known of each migration, as it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given

from medusa_migrations.errors import PlanError
from medusa_migrations.plan.known import Known, check_app, in_order, out_of_order, state_of
from tests.support.builders import known, migration, row
from tests.support.plans import B1, B2, B3, short, states


@pytest.mark.parametrize(
    ("state", "locked", "shown"),
    [
        (known([B1]), False, "pending"),
        (known([B1], [row(B1)]), False, "applied"),
        (known([B1], [row(B1, up="other")]), False, "changed"),
        (known([], [row("blog.1")]), False, "missing"),
        (known([B1], [row(B1, state="failed")]), False, "failed"),
        (known([B1], [row(B1, state="failed")]), True, "failed"),
        (known([B1], [row(B1, state="revert_failed")]), True, "failed"),
        (known([B1], [row(B1, state="running")]), True, "running"),
        (known([B1], [row(B1, state="running")]), False, "failed"),
        (known([B1], [row(B1, state="reverting")]), True, "running"),
        (known([B1], [row(B1, state="reverting")]), False, "failed"),
        (known([], [row("blog.1", state="failed")]), False, "failed"),
        (known([migration("blog.1", feature="new")]), False, "disabled"),
        (known([migration("blog.1", feature="new")], features={"new": True}), False, "pending"),
    ],
)
def test_the_state_to_show(state: Known, locked: bool, shown: str) -> None:
    assert state_of(B1.id, state, locked=locked) == shown


def test_an_applied_one_with_its_feature_off_is_shown_as_any_other() -> None:
    one = migration("blog.1", feature="new")
    assert state_of(one.id, known([one], [row(one)]), locked=False) == "applied"
    assert state_of(one.id, known([one], [row(one, up="other")]), locked=False) == "changed"


@pytest.mark.parametrize(
    ("ids", "rows", "expected"),
    [
        ([], [], ""),
        (["blog.2", "blog.4"], [], "blog.2 blog.4"),
        (["blog.2", "blog.4"], ["blog.5", "blog.1", "blog.3"], "blog.1 blog.2 blog.3 blog.4 blog.5"),
        (["blog.2"], ["shop.2", "auth.2"], "auth.2 blog.2 shop.2"),
        ([], ["blog.2", "blog.1"], "blog.1 blog.2"),
        (["blog.4", "blog.2"], ["blog.3"], "blog.3 blog.4 blog.2"),
    ],
)
def test_missing_ones_stand_where_their_names_would(ids: list[str], rows: list[str], expected: str) -> None:
    assert short(in_order(known([migration(one) for one in ids], [row(one) for one in rows]))) == expected


@pytest.mark.parametrize(
    ("executed", "late"),
    [
        ([], ""),
        ([1, 2, 3], ""),
        ([1, 3, 2], "2"),
        ([3, 2, 1], "1 2"),
        ([3], "1 2"),
        ([2, 1], "1"),
        ([1, 2], ""),
    ],
)
def test_what_ran_or_will_run_after_a_later_one_is_out_of_order(executed: list[int], late: str) -> None:
    three = [B1, B2, B3]
    found = out_of_order(known(three, [row(three[number - 1]) for number in executed]))
    assert " ".join(str(number) for number in (1, 2, 3) if three[number - 1].id in found) == late


@given(states())
def test_the_list_to_show_has_each_once(state: Known) -> None:
    found = in_order(state)
    assert sorted(found) == sorted({*state.by_id, *state.rows})
    assert [id_ for id_ in found if id_ in state.by_id] == [one.id for one in state.migrations]


@pytest.mark.parametrize(
    ("app", "hint"),
    [
        ("blgo", "Did you mean 'blog'?"),
        (
            str(B1.id),
            "Here goes an app's label, 'blog'; the id of a migration goes with --to, where there is one.",
        ),
        ("shop.20240101000000_x", "Correct it, or add its app to INSTALLED_APPS."),
        ("zzz", "Correct it, or add its app to INSTALLED_APPS."),
    ],
)
def test_a_label_that_no_app_has_is_told_with_what_may_be_meant(app: str, hint: str) -> None:
    with pytest.raises(PlanError) as raised:
        check_app(app, known([B1]), ["blog"])
    assert str(raised.value) == f"There is no app with the label {app!r}. {hint}"
