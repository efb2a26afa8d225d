"""What is to be run, or why not: from migrations, history and options, without a database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medusa_migrations.errors import PlanError
from medusa_migrations.files.order import ordered
from medusa_migrations.migration import Phase, dependencies
from medusa_migrations.plan.forwards import Forwards
from medusa_migrations.plan.known import Known, know
from tests.support.builders import known, mid, migration, row
from tests.support.plans import B1, B2, B3, FIVE, LABELS, S1, revert_refusal, run, run_refusal, short, states

NEEDY = [
    migration("shop.1"),
    migration("blog.2"),
    migration("shop.3", "blog.2"),
    migration("shop.4"),
    migration("blog.5", "shop.4"),
]


@pytest.mark.parametrize(
    ("state", "options", "expected"),
    [
        (known([]), {}, ""),
        (known(FIVE), {}, "blog.1 blog.2 blog.3 blog.4 blog.5"),
        (known(FIVE, [row(one) for one in FIVE]), {}, ""),
        (known(FIVE, [row(FIVE[0]), row(FIVE[3])]), {}, "blog.2 blog.3 blog.5"),
        (known(FIVE), {"to": "blog.3"}, "blog.1 blog.2 blog.3"),
        (known(FIVE, [row(FIVE[1])]), {"to": "blog.3"}, "blog.1 blog.3"),
        (known(FIVE, [row(FIVE[2])]), {"to": "blog.3"}, "blog.1 blog.2"),
        (known(FIVE, [row(FIVE[0])]), {"to": "blog.1"}, ""),
        (known(NEEDY), {"app": "shop"}, "shop.1 blog.2 shop.3 shop.4"),
        (known(NEEDY), {"app": "blog"}, "blog.2 shop.4 blog.5"),
        (known(NEEDY, [row(NEEDY[1])]), {"app": "shop"}, "shop.1 shop.3 shop.4"),
        (known(NEEDY), {"app": "empty"}, ""),
        (known(NEEDY), {"app": "shop", "to": "shop.3"}, "shop.1 blog.2 shop.3"),
        (known(NEEDY), {"app": "blog", "to": "shop.4"}, "blog.2"),
        (known([], [row("gone.1")]), {"app": "gone"}, ""),
        (known([B1, migration("blog.2", "auth", "auth.0012_x")]), {"app": "blog"}, "blog.1 blog.2"),
    ],
)
def test_run_takes_what_is_pending_and_asked_for(state: Known, options: dict[str, str], expected: str) -> None:
    assert run(state, **options) == expected


def test_to_follows_the_order_and_not_the_timestamps() -> None:
    late = migration("blog.1", "blog.3")
    assert run(known(ordered([B2, B3, late], LABELS)), to="blog.1") == "blog.2 blog.3 blog.1"


def test_an_unknown_target_gets_the_nearest_id() -> None:
    message = run_refusal(known([migration("blog.1_create_posts")]), to="blog.20240101000001_creat_posts")
    assert f"Did you mean '{mid('blog.1_create_posts')}'?" in message


def test_a_target_like_no_id_is_told_how_ids_are_written() -> None:
    message = run_refusal(known(FIVE), to="posts")
    assert "<app_label>.<timestamp>_" in message
    assert "migrations_show" in message


def test_a_target_without_a_file_has_no_place_in_the_order() -> None:
    assert "no file" in run_refusal(known([B1], [row("blog.2")]), to=str(mid("blog.2")))


@pytest.mark.parametrize("target", ["blog.1", "blog.2"])
def test_a_target_whose_feature_is_off_is_refused(target: str) -> None:
    state = known([migration("blog.1", feature="new"), migration("blog.2", "blog.1")])
    message = run_refusal(state, to=str(mid(target)))
    assert str(mid(target)) in message
    assert "feature" in message


def test_an_unknown_app_gets_the_nearest() -> None:
    assert "'blgo'. Did you mean 'blog'?" in run_refusal(known([B1]), app="blgo")
    assert "Did you mean 'blog'?" in revert_refusal(known([B1]), app="blgo")


FEATURED = [
    migration("blog.1", feature="new"),
    migration("blog.2", "blog.1"),
    migration("shop.3", "blog.2"),
    migration("shop.4", feature="other"),
    migration("shop.5"),
]


@pytest.mark.parametrize(
    ("features", "rows", "expected"),
    [
        ({}, [], "shop.5"),
        ({"new": True}, [], "blog.1 blog.2 shop.3 shop.5"),
        ({"other": True, "new": False}, [], "shop.4 shop.5"),
        ({}, [row(FEATURED[0])], "blog.2 shop.3 shop.5"),
        ({}, [row(FEATURED[1])], "shop.3 shop.5"),
        ({}, [row(FEATURED[0], state="failed", statements_done=1)], "blog.1 blog.2 shop.3 shop.5"),
    ],
)
def test_a_feature_decides_only_about_what_is_pending(
    features: dict[str, bool], rows: list[Any], expected: str
) -> None:
    assert run(known(FEATURED, rows, features)) == expected


def test_an_app_is_run_without_what_its_features_leave_out() -> None:
    assert run(known(FEATURED), app="shop") == "shop.5"


def test_a_wrong_value_of_a_feature_stops_the_planning() -> None:
    def is_on(name: str) -> bool:
        raise PlanError(name)

    with pytest.raises(PlanError, match="new"):
        know(FEATURED, [], is_on)


def test_changed_ones_stop_a_run_and_are_named_with_the_cure() -> None:
    state = known([B1, B2, B3], [row(B1, up="other"), row(B2), row(B3, up="other")])
    for options in ({}, {"app": "shop"}, {"to": str(B2.id)}):
        message = run_refusal(state, **options)
        assert f"  {B1.id} ({B1.source})\n  {B3.id} ({B3.source})\n" in message
        assert message.endswith(f"migrations_repair --accept-changes {B1.id} {B3.id}")
        assert str(B2.id) not in message


def test_a_change_of_one_that_is_not_applied_in_full_is_not_the_plans_to_judge() -> None:
    assert run(known([B1], [row(B1, up="other", state="failed", statements_done=1)])) == "blog.1"


def test_a_missing_one_never_stops_a_run() -> None:
    assert run(known([B1, B2], [row("blog.1_gone"), row("gone.9")])) == "blog.1 blog.2"


@pytest.mark.parametrize("gone", ["blog.1_old", "other.20200101000000_x"])
def test_a_renamed_one_stops_a_run_and_is_named_with_the_cure(gone: str) -> None:
    renamed = migration("blog.2", up="CREATE TABLE a ();")
    message = run_refusal(known([renamed], [row(gone, up="CREATE TABLE a ();")]))
    assert f"migrations_repair --renamed {mid(gone)}={renamed.id}" in message


@pytest.mark.parametrize("up", ["", " \n\n"])
def test_empty_ones_are_not_taken_for_renamed(up: str) -> None:
    assert run(known([migration("blog.2", up=up)], [row("blog.1", up="")])) == "blog.2"


def test_one_with_the_sql_of_another_that_has_its_file_is_not_renamed() -> None:
    one, other = migration("blog.1", up="SELECT 1;"), migration("blog.2", up="SELECT 1;")
    assert run(known([one, other], [row(one)])) == "blog.2"


def test_a_renamed_one_whose_feature_is_off_does_not_stop_a_run() -> None:
    off = migration("blog.2", up="SELECT 1;", feature="new")
    assert run(known([off], [row("blog.1", up="SELECT 1;")])) == ""


def test_late_ones_are_run_and_marked() -> None:
    plan = Forwards().plan(known(FIVE, [row(FIVE[1]), row(FIVE[3])]))
    assert [(short([step.id]), step.out_of_order) for step in plan.steps] == [
        ("blog.1", True),
        ("blog.3", True),
        ("blog.5", False),
    ]


def test_a_late_one_stops_a_strict_run_and_is_named_with_an_applied_one_behind_it() -> None:
    shop = migration("shop.6")
    state = known([*FIVE, shop], [row(FIVE[2]), row(shop)])
    message = run_refusal(state, strict=True)
    assert f"{mid('blog.1')} comes before {mid('blog.3')}, which is applied" in message
    assert f"{mid('blog.2')} comes before {mid('blog.3')}, which is applied" in message
    assert f"{mid('blog.4')} comes before {mid('shop.6')}, which is applied" in message
    assert "with migrations_rebase blog. " in message
    assert "migrations_run --no-strict" in message


ON = {"new": True}


@pytest.mark.parametrize(
    ("state", "options", "expected"),
    [
        (known(FIVE, [row(FIVE[0])]), {}, "blog.2 blog.3 blog.4 blog.5"),
        (known(FIVE, [row(FIVE[0]), row(FIVE[3])]), {"to": "blog.1"}, ""),
        (known([S1, B2, B3], [row(B3)]), {"exempt": ["shop", "blog"]}, "shop.1 blog.2"),
        (known([B1, migration("shop.2")], [row(migration("shop.2"))]), {"exempt": ["shop"]}, "blog.1"),
        (known([migration("blog.1", feature="new"), B2], [row(B2)], ON), {}, "blog.1"),
        (
            known([migration("shop.1", feature="new"), migration("blog.2", "shop.1"), B3], [row(B3)], ON),
            {},
            "shop.1 blog.2",
        ),
        (
            known([migration("shop.1", phase="after"), migration("blog.2", "shop.1"), B3], [row(B3)]),
            {},
            "shop.1 blog.2",
        ),
        (known([B1, B2], [row(B1, 9, state="failed"), row(B2, 1)]), {}, "blog.1"),
        (known([B1, B2, migration("shop.3")], [row(B2)]), {"app": "shop"}, "shop.3"),
    ],
    ids=[
        "none is late",
        "the late ones are not asked for",
        "apps whose migrations may come at any time",
        "what is applied is of such an app",
        "its feature was off",
        "the feature of one that it depends on was off",
        "it, or one that it depends on, was held back by its phase",
        "it has begun",
        "the late one is of another app",
    ],
)
def test_what_is_no_late_arrival_runs_strictly(state: Known, options: dict[str, Any], expected: str) -> None:
    assert run(state, strict=True, **options) == expected


PHASED = [
    migration("blog.1", phase="after"),
    migration("blog.2"),
    migration("shop.3", "blog.1"),
    migration("shop.4", "shop.3", phase="after"),
    migration("blog.5", "shop.4"),
    migration("blog.6"),
]


@pytest.mark.parametrize(
    ("options", "applied", "due", "left"),
    [
        ({}, [], "blog.1 blog.2 shop.3 shop.4 blog.5 blog.6", ""),
        ({"phase": "after"}, [], "blog.1 blog.2 shop.3 shop.4 blog.5 blog.6", ""),
        ({"phase": "before"}, [], "blog.2 blog.6", "blog.1 shop.3 shop.4 blog.5"),
        ({"phase": "before"}, [0], "blog.2 shop.3 blog.6", "shop.4 blog.5"),
        ({"phase": "before"}, [0, 1, 2, 3], "blog.5 blog.6", ""),
        ({"phase": "before", "to": "blog.2"}, [], "blog.2", "blog.1"),
        ({"phase": "before", "app": "shop"}, [], "", "blog.1 shop.3 shop.4"),
        ({"phase": "after", "app": "shop"}, [1], "blog.1 shop.3 shop.4", ""),
    ],
    ids=[
        "without a phase all run",
        "after runs what is left, which may be all",
        "before holds back what is after and all that depends on it",
        "what is applied holds back nothing",
        "the last dependency of phase after is applied",
        "up to one",
        "an app that needs one of another app",
        "after, of an app and what it needs",
    ],
)
def test_a_phase(options: dict[str, Any], applied: list[int], due: str, left: str) -> None:
    state = known(PHASED, [row(PHASED[at]) for at in applied])
    assert run(state, **options) == due
    options = options | ({"to": str(mid(options["to"]))} if "to" in options else {})
    assert short([one.id for one in Forwards(labels=LABELS, **options).plan(state).held_back]) == left
    assert short([one.id for one in state.due("before")]) == short(
        [one.id for one in state.pending() if one.id not in state.held_back("before")]
    )


@pytest.mark.parametrize("target", ["blog.1", "blog.5"])
def test_a_target_that_is_held_back_is_refused(target: str) -> None:
    with pytest.raises(PlanError) as caught:
        Forwards(labels=LABELS, to=str(mid(target)), phase="before").plan(known(PHASED))
    message = str(caught.value)
    assert message.startswith(f"{mid(target)} is held back: it, or one that it depends on, is of phase after.")
    assert message.endswith(f"migrations_run --phase after --to {mid(target)}")


def test_what_failed_part_way_is_held_back_too() -> None:
    begun = row(PHASED[0], state="failed", statements_done=1)
    assert run(known(PHASED[:2], [begun]), phase="before") == "blog.2"


@pytest.mark.parametrize("state", ["running", "failed"])
def test_what_was_left_unfinished_is_run_again_with_its_row(state: str) -> None:
    unfinished = row(B1, 1, state=state, statements_done=2)
    (step,) = Forwards().plan(known([B1], [unfinished])).steps
    assert step.row == unfinished
    assert not step.is_transactional("each")


@pytest.mark.parametrize("state", ["reverting", "revert_failed"])
def test_a_revert_left_unfinished_stops_a_run(state: str) -> None:
    message = run_refusal(known([B1, B2], [row(B1), row(B2, state=state)]))
    assert str(B2.id) in message
    assert str(B1.id) not in message
    assert "migrations_revert" in message
    assert "--mark-reverted" in message
    assert "--mark-applied" in message


@given(states(), st.sampled_from([None, "blog", "shop"]), st.sampled_from([None, "before", "after"]))
def test_a_run_never_puts_one_before_what_it_needs(state: Known, app: str | None, phase: Phase | None) -> None:
    plan = Forwards(app=app, labels=["blog", "shop"], phase=phase).plan(state)
    there = set(state.rows)
    for step in plan.steps:
        assert step.migration
        assert step.id not in there
        assert there.issuperset(dependencies(step.migration))
        there.add(step.id)


@given(states())
def test_what_two_phases_run_is_what_one_run_does(state: Known) -> None:
    before = Forwards(phase="before").plan(state)
    assert all(step.phase == "before" for step in before.steps)
    rows = {step.id: row(step.migration or B1) for step in before.steps}
    after = Forwards(phase="after").plan(state._replace(rows={**state.rows, **rows}))
    assert [step.id for step in after.steps] == [one.id for one in before.held_back]
    all_ids = {step.id for step in Forwards().plan(state).steps}
    assert {step.id for step in (*before.steps, *after.steps)} == all_ids


@given(states())
def test_a_run_leaves_only_disabled_ones(state: Known) -> None:
    done = {step.id for step in Forwards().plan(state).steps} | set(state.rows)
    assert set(state.by_id) - done == set(state.disabled)
