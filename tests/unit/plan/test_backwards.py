"""What is to be reverted, or why not: from migrations, history and options, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medusa_migrations.errors import MigrationError, PlanError
from medusa_migrations.migration import dependencies
from medusa_migrations.plan.backwards import Backwards
from medusa_migrations.plan.known import Known, PastRun
from tests.support.builders import known, mid, migration, row
from tests.support.plans import B1, B2, B3, FIVE, S1, revert, revert_refusal, states

NOW = datetime.now(UTC)
APPLIED = known(FIVE, [row(one) for one in FIVE])

# Executed as 3, 1, 2: the latest one is not the one with the latest timestamp.
SHUFFLED = known([B1, B2, B3], [row(B3, 1), row(B1, 2), row(B2, 3)])
MIXED = [S1, B2, migration("shop.3"), migration("blog.4")]
TWO_APPS = known(MIXED, [row(one, run="r1" if one.id.name < B3.id.name else "r2") for one in MIXED])
NEEDED = [B1, migration("shop.2", "blog.1"), migration("blog.3", "shop.2"), migration("shop.4")]
# The history of another tool was read one app after the other: what was needed is recorded behind what needs it.
IN_TURN = [*NEEDED[:2], migration("blog.3"), migration("blog.4"), migration("shop.5", "blog.4")]
BY_APP = known(IN_TURN, [row(one, at) for one, at in zip(IN_TURN, (3, 1, 4, 5, 2), strict=True)])
# An app's own order in the history may be another than its files have it.
AGAINST = known([B1, migration("blog.2", "blog.1")], [row(migration("blog.2"), 1), row(B1, 2)])
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
        (BY_APP, {"everything": True}, "shop.5 blog.4 blog.3 shop.2 blog.1"),
        (AGAINST, {"everything": True}, "blog.2 blog.1"),
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


@pytest.mark.parametrize(
    ("release", "expected"),
    [("v1", "blog.3 blog.2"), ("v2", "blog.3"), ("v3", "")],
)
def test_what_was_applied_behind_the_last_run_that_a_release_has_applied_by_goes(release: str, expected: str) -> None:
    """`gone` is a revert by the oldest release, and what it has reverted is no row any more."""
    applied = [PastRun(f"r{number}", f"v{number}", NOW) for number in (1, 2, 3)]
    runs = [*applied, PastRun("gone", "v1", NOW, has_applied=False)]
    state = known([B1, B2, B3], [row(one, run=f"r{number}") for number, one in enumerate((B1, B2, B3), 1)])
    assert revert(state, to_release=release, runs=runs) == expected


def test_what_was_killed_before_its_first_entry_in_the_journal_counts_by_its_time() -> None:
    """It must not be passed over: it is unfinished, and there. What the journal has forgotten is older."""
    rows = [
        row(B1, run="forgotten", applied_at=NOW - timedelta(days=1)),
        row(B2, run="r2"),
        row(B3, run="killed", applied_at=NOW + timedelta(days=1), state="running"),
    ]
    state = known([B1, B2, B3], rows)
    assert f"{B3.id}: applied only in part" in revert_refusal(state, to_release="v2", runs=[PastRun("r2", "v2", NOW)])


def test_a_release_that_has_only_reverted_is_unknown() -> None:
    message = revert_refusal(APPLIED, to_release="v1", runs=[PastRun("gone", "v1", NOW, has_applied=False)])
    assert "no run of the release 'v1'" in message
    assert message.endswith("None that has a name has applied anything. Nothing was reverted. Name a moment: --since.")


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
    (step,) = Backwards().plan(known([one], [row(one, down="-- migrate:down\nDROP TABLE then;")])).steps
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
    (step,) = Backwards().plan(state).steps
    assert step.part
    assert step.stored
    assert step.part.sql(step.stored).strip() == "DROP TABLE then;"
    assert step.part.line == 2
    assert not step.is_transactional("each")


def test_an_empty_stored_down_part_does_nothing_and_is_no_lack_of_one() -> None:
    (step,) = Backwards().plan(known([], [row("blog.1", down="")])).steps
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
    (step,) = Backwards().plan(known([B1], [row(B1, state=state, statements_done=1)])).steps
    assert step.part is B1.down
    assert not step.is_transactional("each")


def test_an_unfinished_one_that_stays_is_in_nobodys_way() -> None:
    state = known([B1, B2], [row(B1, 1, state="failed"), row(B2, 2)])
    assert revert(state) == "blog.2"


def test_a_stored_down_part_that_cannot_be_read_is_an_error_of_ours() -> None:
    """The history is a table that others may write to, too."""
    with pytest.raises(MigrationError, match=str(B1.id)):
        Backwards().plan(known([], [row("blog.1", down="-- migrate:down\nSELECT 'open;")]))


DOWN = "-- migrate:down\nDROP TABLE t;"
PART = {"state": "revert_failed", "statements_done": 1}
# Of blog.2 and shop.3 the files are gone; shop.3 was executed first.
TWO_GONE = known([B1], [row("shop.3", 1, down=DOWN), row(B1, 2), row("blog.2", 3, down=DOWN)])


@pytest.mark.parametrize(
    ("state", "options", "expected"),
    [
        (known([]), {}, ""),
        (APPLIED, {}, ""),
        (TWO_GONE, {}, "blog.2 shop.3"),
        (TWO_GONE, {"app": "shop"}, "shop.3"),
        (TWO_GONE, {"app": "empty"}, ""),
        (known([B1], [row(B1), row("blog.2", down="")]), {}, "blog.2"),
        (known([B1], [row(B1), row("blog.2", down=DOWN), row("blog.3", down=DOWN, **PART)]), {}, "blog.3 blog.2"),
        (known([], [row("blog.2", down=DOWN, state="reverting")]), {}, "blog.2"),
        (known([], [row("blog.2", state="failed"), row("blog.3", state="running")]), {}, ""),
        (known([], [row("blog.2"), row("blog.3")]), {"fake": True}, "blog.3 blog.2"),
    ],
)
def test_missing_takes_what_is_applied_without_a_file(state: Known, options: dict[str, Any], expected: str) -> None:
    assert revert(state, missing=True, **options) == expected


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            known([], [row("blog.2"), row("blog.3", down=DOWN), row("shop.4")]),
            [f"{mid('blog.2')} cannot be", f"{mid('shop.4')} cannot be", "in Python", "--mark-reverted"],
        ),
        (
            known([migration("blog.3", "blog.2")], [row("blog.2", down=DOWN), row("blog.3")]),
            [f"{mid('blog.2')} cannot be", f"{mid('blog.3').name}.sql depends on it", f"or revert {mid('blog.3')}"],
        ),
        (
            known([migration("blog.3", "blog.2")], [row("blog.2", down=DOWN)]),
            [f"{mid('blog.2')} cannot be", f"or take away {mid('blog.3')} first"],
        ),
        (
            known([B3], [row("blog.2", checksum=B3.checksum, down=DOWN)]),
            [f"{B3.id} is pending", f"migrations_repair --renamed {mid('blog.2')}={B3.id}"],
        ),
        (
            known([B1], [row(B1, **PART), row("blog.2", down=DOWN)]),
            [f"{B1.id}: reverted only in part", "migrations_revert blog"],
        ),
    ],
)
def test_what_is_missing_and_cannot_be_undone_is_refused_by_name(state: Known, words: list[str]) -> None:
    message = revert_refusal(state, missing=True)
    assert "Nothing was " in message
    for word in words:
        assert word in message


def test_what_is_missing_in_the_build_alone_is_refused_by_name() -> None:
    message = revert_refusal(TWO_GONE, missing=True, sources=[B1.id, mid("blog.2")])
    assert message == f"{mid('blog.2')} has a file, which is not built: run migrations_build.\nNothing was reverted."
    assert revert(TWO_GONE, missing=True, sources=[mid("blog.2")], app="shop") == "shop.3"


def test_a_refusal_of_several_reasons_can_be_said_in_another_language() -> None:
    with pytest.raises(PlanError) as caught:
        Backwards(missing=True, sources=[B1.id, mid("blog.2")]).plan(TWO_GONE)
    assert caught.value.in_language(lambda template: template.replace(" is not ", " ist nicht ")) == (
        f"{mid('blog.2')} has a file, which ist nicht built: run migrations_build.\nNothing was reverted."
    )


OPTIONS = st.one_of(
    st.just({}),
    st.integers(1, 9).map(lambda steps: {"steps": steps}),
    st.just({"last_run": True}),
    st.just({"everything": True}),
    st.just({"missing": True}),
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
        plan = Backwards(app=app, labels=["blog", "shop"], **options).plan(state)
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
        plan = Backwards().plan(state)
    except PlanError:
        return
    last = max(state.rows.values(), key=lambda one: one.serial, default=None)
    assert [step.id for step in plan.steps] == ([last.id] if last else [])


@given(states())
def test_reverting_everything_empties_the_history(state: Known) -> None:
    assert sorted(step.id for step in Backwards(everything=True).plan(state).steps) == sorted(state.rows)
