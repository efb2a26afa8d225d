"""What is to be done, or why not: from migrations, history and options, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medusa_migrations.errors import MigrationError, PlanError
from medusa_migrations.files.order import dependencies, ordered
from medusa_migrations.migration import Direction, Migration, MigrationId
from medusa_migrations.plan.known import (
    Known,
    Plan,
    fingerprint,
    in_order,
    know,
    out_of_order,
    plan_revert,
    plan_run,
    refuse_mode_all,
    state_of,
)
from tests.support.builders import known, mid, migration, row

B1, B2, B3 = migration("blog.1"), migration("blog.2"), migration("blog.3")
S1 = migration("shop.1")
FIVE = [migration(f"blog.{number}") for number in range(1, 6)]
LABELS = ("blog", "shop", "empty")


def short(ids: Sequence[MigrationId]) -> str:
    return " ".join(f"{id_.app}.{int(id_.name[8:14])}" for id_ in ids)


def steps(plan: Plan) -> str:
    return short([step.id for step in plan.steps])


def run(state: Known, **options: Any) -> str:
    if "to" in options:
        options["to"] = str(mid(options["to"]))
    plan = plan_run(state, labels=LABELS, **options)
    assert plan.direction is Direction.UP
    assert all(
        step.direction is Direction.UP and step.migration and step.part is step.migration.up for step in plan.steps
    )
    return steps(plan)


def revert(state: Known, **options: Any) -> str:
    if "to" in options:
        options["to"] = str(mid(options["to"]))
    plan = plan_revert(state, labels=LABELS, **options)
    assert plan.direction is Direction.DOWN
    assert all(step.direction is Direction.DOWN for step in plan.steps)
    return steps(plan)


def run_refusal(state: Known, **options: Any) -> str:
    with pytest.raises(PlanError) as caught:
        plan_run(state, labels=LABELS, **options)
    return str(caught.value)


def revert_refusal(state: Known, **options: Any) -> str:
    with pytest.raises(PlanError) as caught:
        plan_revert(state, labels=LABELS, **options)
    return str(caught.value)


# ---------------------------------------------------------------------------------------------------------- running

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
    plan = plan_run(known(FIVE, [row(FIVE[1]), row(FIVE[3])]))
    assert [(short([step.id]), step.out_of_order) for step in plan.steps] == [
        ("blog.1", True),
        ("blog.3", True),
        ("blog.5", False),
    ]


@pytest.mark.parametrize("state", ["running", "failed"])
def test_what_was_left_unfinished_is_run_again_with_its_row(state: str) -> None:
    unfinished = row(B1, 1, state=state, statements_done=2)
    (step,) = plan_run(known([B1], [unfinished])).steps
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


# -------------------------------------------------------------------------------------------------------- reverting

APPLIED = known(FIVE, [row(one) for one in FIVE])
# Executed as 3, 1, 2: the latest one is not the one with the latest timestamp.
SHUFFLED = known([B1, B2, B3], [row(B3, 1), row(B1, 2), row(B2, 3)])
MIXED = [S1, B2, migration("shop.3"), migration("blog.4")]
TWO_APPS = known(MIXED, [row(one, run="r1" if one.id.name < B3.id.name else "r2") for one in MIXED])
NEEDED = [B1, migration("shop.2", "blog.1"), migration("blog.3", "shop.2"), migration("shop.4")]
CHAIN = known(NEEDED, [row(one, run="r1") for one in NEEDED])


@pytest.mark.parametrize(
    ("state", "options", "expected"),
    [
        (known([]), {}, ""),
        (known(FIVE), {}, ""),
        (known(FIVE), {"everything": True}, ""),
        (known(FIVE), {"last_run": True}, ""),
        (known(FIVE), {"steps": 3}, ""),
        (APPLIED, {}, "blog.5"),
        (SHUFFLED, {}, "blog.2"),
        (SHUFFLED, {"steps": 2}, "blog.2 blog.1"),
        (SHUFFLED, {"to": "blog.3"}, "blog.2 blog.1"),
        (SHUFFLED, {"to": "blog.2"}, ""),
        (SHUFFLED, {"everything": True}, "blog.2 blog.1 blog.3"),
        (APPLIED, {"steps": 1}, "blog.5"),
        (APPLIED, {"steps": 2}, "blog.5 blog.4"),
        (APPLIED, {"steps": 99}, "blog.5 blog.4 blog.3 blog.2 blog.1"),
        (APPLIED, {"to": "blog.3"}, "blog.5 blog.4"),
        (APPLIED, {"to": "blog.5"}, ""),
        (TWO_APPS, {"app": "shop"}, "shop.3"),
        (TWO_APPS, {"app": "shop", "steps": 2}, "shop.3 shop.1"),
        (TWO_APPS, {"app": "shop", "everything": True}, "shop.3 shop.1"),
        (TWO_APPS, {"app": "shop", "to": "shop.1"}, "shop.3"),
        (TWO_APPS, {"app": "shop", "to": "blog.2"}, "shop.3"),
        (TWO_APPS, {"app": "empty"}, ""),
        (TWO_APPS, {"last_run": True}, "blog.4 shop.3"),
        (TWO_APPS, {"app": "blog", "last_run": True}, "blog.4"),
        (CHAIN, {}, "shop.4"),
        (CHAIN, {"to": "blog.1"}, "shop.4 blog.3 shop.2"),
        (CHAIN, {"everything": True}, "shop.4 blog.3 shop.2 blog.1"),
        (CHAIN, {"last_run": True}, "shop.4 blog.3 shop.2 blog.1"),
        (CHAIN, {"steps": 3}, "shop.4 blog.3 shop.2"),
    ],
)
def test_revert_takes_what_is_asked_for_latest_executed_first(
    state: Known, options: dict[str, Any], expected: str
) -> None:
    assert revert(state, **options) == expected


def test_what_belongs_to_no_run_is_a_run_of_its_own() -> None:
    assert revert(known([B1, B2], [row(B1), row(B2)]), last_run=True) == "blog.2"


@pytest.mark.parametrize("options", [{"to": "blog.1"}, {"last_run": True}, {"everything": True}])
def test_dependents_go_first_even_if_they_were_executed_earlier(options: dict[str, Any]) -> None:
    """A migration that was marked as applied by hand may have been recorded after what needs it."""
    needs = migration("blog.3", "blog.2")
    state = known([B1, B2, needs], [row(B1, 1), row(needs, 2, run="a"), row(B2, 3, run="b")])
    assert revert(state, **options).startswith("blog.3 blog.2")


def test_one_that_depends_on_what_goes_cannot_stay() -> None:
    needs = migration("blog.3", "blog.2")
    state = known([B2, needs], [row(needs, 1), row(B2, 2)])
    assert f"{needs.id} depends on" in revert_refusal(state, to=str(needs.id))


@pytest.mark.parametrize(
    "options", [{"app": "blog", "steps": 2}, {"app": "shop", "steps": 2}, {"app": "shop", "everything": True}]
)
def test_dependents_in_other_apps_are_named_and_refused(options: dict[str, Any]) -> None:
    message = revert_refusal(CHAIN, **options)
    left = NEEDED[1] if options["app"] == "blog" else NEEDED[2]
    assert f"{left.id} depends on it and is applied" in message
    assert "Nothing was reverted" in message


def test_with_steps_and_without_options_dependents_are_refused() -> None:
    needs = migration("blog.3", "blog.2")
    state = known([B2, needs], [row(needs, 1), row(B2, 2)])
    for options in ({}, {"steps": 1}, {"app": "blog"}):
        assert f"Revert {needs.id} first" in revert_refusal(state, **options)
    assert revert(state, steps=2) == "blog.3 blog.2"


def test_dependents_that_are_not_applied_are_in_nobodys_way() -> None:
    assert revert(known([B1, migration("blog.2", "blog.1")], [row(B1)])) == "blog.1"


def test_a_target_must_be_applied() -> None:
    message = revert_refusal(known([B1, B2], [row(B1)]), to=str(B2.id))
    assert f"{B2.id} is not applied" in message


def test_an_unknown_target_of_a_revert_gets_the_nearest() -> None:
    assert f"Did you mean '{mid('blog.1')}'?" in revert_refusal(APPLIED, to="blog.2024010100001_x")


def test_a_feature_that_is_off_keeps_nothing_from_being_reverted() -> None:
    one = migration("blog.1", feature="new")
    assert revert(known([one], [row(one)])) == "blog.1"


def test_the_built_down_part_is_used_and_not_the_stored_one() -> None:
    one = migration("blog.1", down="DROP TABLE today;")
    (step,) = plan_revert(known([one], [row(one, down="-- migrate:down\nDROP TABLE then;")])).steps
    assert step.part is one.down
    assert step.stored is None


@pytest.mark.parametrize(
    "state",
    [
        known([B1], [row(B1, up="other", down="-- migrate:down transaction:false\nDROP TABLE then;")]),
        known([], [row("blog.1", down="-- migrate:down transaction:false\nDROP TABLE then;")]),
    ],
)
def test_the_stored_down_part_is_used_if_the_file_is_changed_or_missing(state: Known) -> None:
    (step,) = plan_revert(state).steps
    assert step.part
    assert step.stored
    assert step.stored[step.part.start : step.part.end].strip() == "DROP TABLE then;"
    assert step.part.line == 2
    assert not step.is_transactional("each")


def test_an_empty_stored_down_part_does_nothing_and_is_no_lack_of_one() -> None:
    (step,) = plan_revert(known([], [row("blog.1", down="")])).steps
    assert step.part


IRREVERSIBLE = migration("blog.1", down=None)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            known([IRREVERSIBLE], [row(IRREVERSIBLE)]),
            ["irreversible", IRREVERSIBLE.source, "-- migrate:down", "--fake"],
        ),
        (known([B1], [row(B1, up="other")]), ["changed", "no down part"]),
        (known([], [row("blog.1")]), ["no file", "no down part"]),
    ],
)
def test_without_a_down_part_a_revert_is_refused_with_the_reason(state: Known, words: list[str]) -> None:
    message = revert_refusal(state)
    assert str(B1.id) in message
    assert "Nothing was reverted" in message
    for word in words:
        assert word in message


def test_all_that_are_irreversible_are_named_at_once() -> None:
    ones = [migration("blog.1", down=None), B2, migration("blog.3", down=None)]
    message = revert_refusal(known(ones, [row(one) for one in ones]), everything=True)
    assert str(ones[0].id) in message
    assert str(ones[2].id) in message
    assert str(B2.id) not in message


@pytest.mark.parametrize(
    "state",
    [
        known([IRREVERSIBLE], [row(IRREVERSIBLE)]),
        known([B1], [row(B1, up="other")]),
        known([], [row("blog.1")]),
        known([B1], [row(B1, state="failed", statements_done=1)]),
        known([B1], [row(B1, state="running")]),
    ],
)
def test_fake_needs_no_down_part_and_settles_what_is_unfinished(state: Known) -> None:
    assert revert(state, fake=True) == "blog.1"


def test_fake_still_leaves_no_dependents_behind() -> None:
    needs = migration("blog.2", "blog.1")
    assert "depends on it" in revert_refusal(known([B1, needs], [row(needs, 1), row(B1, 2)]), fake=True)


@pytest.mark.parametrize("state", ["running", "failed"])
def test_a_run_left_unfinished_cannot_be_reverted(state: str) -> None:
    message = revert_refusal(known([B1], [row(B1, state=state)]))
    assert str(B1.id) in message
    assert "migrations_run" in message
    assert "--mark-applied" in message


@pytest.mark.parametrize("state", ["reverting", "revert_failed"])
def test_a_revert_left_unfinished_goes_on(state: str) -> None:
    (step,) = plan_revert(known([B1], [row(B1, state=state, statements_done=1)])).steps
    assert step.part is B1.down
    assert not step.is_transactional("each")


def test_an_unfinished_one_that_stays_is_in_nobodys_way() -> None:
    state = known([B1, B2], [row(B1, 1, state="failed"), row(B2, 2)])
    assert revert(state) == "blog.2"


def test_a_stored_down_part_that_cannot_be_read_is_an_error_of_ours() -> None:
    """The history is a table that others may write to, too."""
    with pytest.raises(MigrationError, match=str(B1.id)):
        plan_revert(known([], [row("blog.1", down="-- migrate:down\nSELECT 'open;")]))


# ----------------------------------------------------------------------------------------------------- transactions


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
    (up,) = plan_run(known([one])).steps
    (down,) = plan_revert(known([one], [row(one, statements_done=3)])).steps
    assert up.is_transactional(mode) is transactional
    assert down.is_transactional(mode) is transactional


def test_one_transaction_for_all_refuses_what_cannot_be_in_it() -> None:
    ones = [B1, migration("blog.2", transaction=False), migration("blog.3", transaction=True)]
    with pytest.raises(PlanError) as caught:
        refuse_mode_all(plan_run(known(ones)))
    assert f"{ones[1].id}: marked transaction:false" in str(caught.value)
    assert str(B1.id) not in str(caught.value)
    assert "--transaction each" in str(caught.value)
    refuse_mode_all(plan_run(known([ones[0], ones[2]])))
    refuse_mode_all(plan_run(known([])))


def test_one_transaction_for_all_refuses_what_was_begun_statement_by_statement() -> None:
    with pytest.raises(PlanError, match="blog"):
        refuse_mode_all(plan_run(known([B1], [row(B1, state="failed", statements_done=1)])))


# --------------------------------------------------------------------------------------------------------- pictures


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


# ------------------------------------------------------------------------------------------------------- properties


@st.composite
def states(draw: st.DrawFn) -> Known:
    """Migrations that depend on earlier ones, some of them applied, executed in any order, some without a file."""
    names = [f"{draw(st.sampled_from(['blog', 'shop']))}.{number}" for number in range(1, draw(st.integers(1, 9)))]
    ones: list[Migration] = []
    for at, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:at]), max_size=2, unique=True)) if at else []
        ones.append(migration(name, *needs, feature=draw(st.sampled_from([None, None, "off"]))))
    applied = draw(st.permutations(ones))[: draw(st.integers(0, len(ones)))]
    runs = draw(st.lists(st.sampled_from(["a", "b"]), min_size=len(applied), max_size=len(applied)))
    rows = [row(one, run=run) for one, run in zip(applied, runs, strict=True)]
    rows += [row(f"gone.{number}", down="") for number in range(1, draw(st.integers(1, 3)))]
    return known(ordered(ones, ("blog", "shop")), rows)


@given(states(), st.sampled_from([None, "blog", "shop"]))
def test_a_run_never_puts_one_before_what_it_needs(state: Known, app: str | None) -> None:
    plan = plan_run(state, app=app, labels=["blog", "shop"])
    there = set(state.rows)
    for step in plan.steps:
        assert step.migration
        assert step.id not in there
        assert there.issuperset(dependencies(step.migration))
        there.add(step.id)


@given(states())
def test_a_run_leaves_only_disabled_ones(state: Known) -> None:
    done = {step.id for step in plan_run(state).steps} | set(state.rows)
    assert set(state.by_id) - done == set(state.disabled)


OPTIONS = st.one_of(
    st.just({}),
    st.integers(1, 9).map(lambda steps: {"steps": steps}),
    st.just({"last_run": True}),
    st.just({"everything": True}),
    st.integers(0, 9).map(lambda index: {"to": index}),
)


@given(states(), OPTIONS, st.sampled_from([None, "blog", "shop"]))
def test_a_revert_never_puts_one_before_its_dependents_and_leaves_none_behind(
    state: Known, options: dict[str, Any], app: str | None
) -> None:
    if "to" in options:
        if not state.rows:
            return
        options = {"to": str(sorted(state.rows)[options["to"] % len(state.rows)])}
    try:
        plan = plan_revert(state, app=app, labels=["blog", "shop"], **options)
    except PlanError as error:
        if "depends on" not in str(error):
            raise
        return
    there = set(state.rows)
    for step in plan.steps:
        there.remove(step.id)
        assert not any(step.id in dependencies(one) for one in state.migrations if one.id in there)
    if "to" in options:
        assert options["to"] in {str(id_) for id_ in there}
    if app:
        assert all(step.id.app == app for step in plan.steps)


@given(states())
def test_without_options_at_most_the_last_executed_goes(state: Known) -> None:
    try:
        plan = plan_revert(state)
    except PlanError:
        return
    last = max(state.rows.values(), key=lambda one: one.serial, default=None)
    assert [step.id for step in plan.steps] == ([last.id] if last else [])


@given(states())
def test_reverting_everything_empties_the_history(state: Known) -> None:
    assert sorted(step.id for step in plan_revert(state, everything=True).steps) == sorted(state.rows)


@given(states())
def test_the_list_to_show_has_each_once(state: Known) -> None:
    found = in_order(state)
    assert sorted(found) == sorted({*state.by_id, *state.rows})
    assert [id_ for id_ in found if id_ in state.by_id] == [one.id for one in state.migrations]


def planned_fingerprint(plan: Plan, mode: str = "each") -> str:
    found = fingerprint(plan, mode)
    assert found == fingerprint(plan, mode)
    return found


def test_a_fingerprint_is_another_for_whatever_would_be_sent_otherwise() -> None:
    irreversible = migration("blog.1", down=None)
    stored = [
        row(irreversible, down="-- migrate:down\nSELECT 1;"),
        row(irreversible, down="-- migrate:down\nSELECT 2;"),
    ]
    plans = [
        plan_run(known([])),
        plan_revert(known([])),
        plan_run(known([B1])),
        plan_run(known([B1, B2])),
        plan_run(known([B1, B2], [row(B1)])),
        plan_run(known([migration("blog.1", up="SELECT 'another';")])),
        plan_run(known([migration("blog.1", down="SELECT 'another';")])),
        plan_run(known([B1], [row(B1, state="failed", statements_done=1)])),
        plan_run(known([B1], [row(B1, state="failed", statements_done=2)])),
        plan_revert(known([B1], [row(B1)])),
        plan_revert(known([B1], [row(B1, 2)])),
        *(plan_revert(known([], [one])) for one in stored),
    ]
    found = [planned_fingerprint(plan, mode) for plan in plans for mode in ("all", "each", "none")]
    assert len(set(found)) == len(found)


def test_a_fingerprint_is_the_same_for_the_same_plan_made_anew() -> None:
    one, other = (plan_revert(known(FIVE, [row(one) for one in FIVE]), steps=3) for _ in range(2))
    assert planned_fingerprint(one) == planned_fingerprint(other)
