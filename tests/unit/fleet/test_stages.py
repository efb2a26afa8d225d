"""The order of a run of a fleet, and when nothing new may begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medusa_migrations.errors import PlanError, SettingsError
from medusa_migrations.fleet.stages import (
    CANARY,
    Canary,
    Limits,
    Member,
    Schedule,
    Share,
    Slice,
    Slot,
    counting_number,
    in_order,
    selected,
)

ABC = [Member("a"), Member("b"), Member("c")]


def canary(value: object) -> Canary:
    return Canary.parse(value, "CANARY")


def limits(jobs: int = 1, per_server: int | None = None, failures: object = 0) -> Limits:
    return Limits.parse(jobs, per_server, failures)


def short(slots: Sequence[Slot]) -> str:
    """`a0 b1`: names with their stages."""
    return " ".join(f"{slot.name}{slot.stage}" for slot in slots)


@pytest.mark.parametrize(
    ("members", "first", "expected"),
    [
        pytest.param([], 1, "", id="no targets"),
        pytest.param(ABC, 0, "a1 b1 c1", id="no canary"),
        pytest.param(ABC, 1, "a0 b1 c1", id="the first one"),
        pytest.param(ABC, 9, "a0 b0 c0", id="a canary of all"),
        pytest.param(ABC, "34%", "a0 b0 c1", id="a part is rounded up"),
        pytest.param(ABC, "0.1%", "a0 b1 c1", id="a small part is one"),
        pytest.param(ABC, ["c", "a", "c"], "c0 a0 b1", id="names, in their order"),
        pytest.param([Member("a", 2), Member("b"), Member("c", 2)], 1, "b0 a2 c2", id="the first of the first stage"),
        pytest.param([Member("a", 2), Member("b", 1)], 0, "b1 a2", id="by stages"),
    ],
)
def test_the_order_of_a_run(members: list[Member], first: object, expected: str) -> None:
    slots = in_order(members, canary(first))
    assert short(slots) == expected
    assert [slot.position for slot in slots] == list(range(len(members)))


def test_a_canary_that_has_nothing_to_do_is_left_out_and_one_that_is_no_target_is_an_error() -> None:
    assert short(in_order(ABC[:1], canary(["b"]), ["a", "b"])) == "a1"
    with pytest.raises(PlanError, match=r"'tenant_1' is no target of this fleet\. Did you mean 'tenant_2'"):
        in_order([Member("tenant_2")], canary(["tenant_1"]))


@pytest.mark.parametrize("value", [-1, True, None, 1.5, "", "x", "101%", "-1%", "1,5%", "٣", "%", ["a"]])
def test_what_is_no_number_of_targets_is_said(value: object) -> None:
    with pytest.raises(
        SettingsError, match=r"MAX is .*\. It must be a number of targets, 0 or more, or a part such as"
    ):
        Share.parse(value, "MAX")


@pytest.mark.parametrize("value", [-1, {"a": 1}, [1], "t1", object])
def test_what_is_no_canary_is_said(value: object) -> None:
    with pytest.raises(SettingsError, match="or a list of the names of targets"):
        canary(value)


@pytest.mark.parametrize("value", [0, -1, True, "8", 1.0, None])
def test_what_is_no_number_of_jobs_is_said(value: object) -> None:
    with pytest.raises(SettingsError, match=r"FLEETS JOBS is .*\. It must be a whole number, 1 or more"):
        Limits.parse(value, None, 0, "FLEETS {}")
    with pytest.raises(SettingsError, match="STAGE"):
        counting_number(value, "STAGE")


@pytest.mark.parametrize(
    ("value", "total", "least", "most"),
    [(5, 3, 5, 5), ("5", 100, 5, 5), ("2%", 100, 2, 2), ("29 %", 100, 29, 29), ("2.5%", 100, 3, 2), ("0%", 9, 0, 0)],
)
def test_a_share_is_rounded_up_for_the_canary_and_down_for_failures(
    value: object, total: int, least: int, most: int
) -> None:
    share = Share.parse(value, "")
    assert (share.at_least(total), share.at_most(total)) == (least, most)


@pytest.mark.parametrize(
    ("only", "without", "expected"),
    [
        ([], [], "a1 a2 b1 [x]"),
        (["a*"], [], "a1 a2"),
        (["b1", "a?"], ["a2"], "a1 b1"),
        (["[x]"], [], "[x]"),
        ([], ["[ab]*"], "[x]"),
    ],
)
def test_selections(only: list[str], without: list[str], expected: str) -> None:
    assert " ".join(selected(["a1", "a2", "b1", "[x]"], only, without)) == expected


@pytest.mark.parametrize(("only", "without"), [(["A1"], []), ([], ["z*"])])
def test_a_glob_that_finds_nothing_is_an_error(only: list[str], without: list[str]) -> None:
    with pytest.raises(PlanError, match="is the name of no target, and finds none as a glob"):
        selected(["a1"], only, without)


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/2/3", "½/3"])
def test_what_is_no_slice_is_said(text: str) -> None:
    with pytest.raises(PlanError, match=r"--slice is .* 1/5 to 5/5"):
        Slice.parse(text)


names = st.lists(st.integers(0, 999).map(str), unique=True, max_size=40)
servers = st.sampled_from(["", "eu", "us", "asia"])


@st.composite
def fleets(draw: st.DrawFn) -> list[Member]:
    return [Member(name, draw(st.integers(1, 3)), draw(servers)) for name in draw(names)]


canaries = st.one_of(st.integers(0, 5), st.sampled_from(["0%", "10%", "100%"])).map(canary)
budgets = st.one_of(st.integers(0, 5), st.sampled_from(["0%", "10%", "100%"]))


@given(fleets(), canaries, st.integers(1, 5))
def test_slices_have_each_target_once_and_the_first_has_the_canary(fleet: list[Member], first: Canary, of: int) -> None:
    slots = in_order(fleet, first)
    slices = [Slice(number, of) for number in range(1, of + 1)]
    assert all(sum(one.has(slot) for one in slices) == 1 for slot in slots)
    assert all(slices[0].has(slot) for slot in slots if slot.stage == CANARY)


@given(fleets(), canaries, st.integers(1, 6), st.none() | st.integers(1, 3), budgets, st.data())
def test_a_run(
    fleet: list[Member], first: Canary, jobs: int, per_server: int | None, budget: object, data: st.DataObject
) -> None:
    """Whatever ends first, and whatever fails."""
    slots = in_order(fleet, first)
    schedule = Schedule(slots, limits(jobs, per_server, budget))
    may_fail = Share.parse(budget, "").at_most(len(slots))
    begun: list[Slot] = []
    running: list[Slot] = []
    failed: list[Slot] = []
    while not schedule.is_over:
        while slot := schedule.take():
            assert len(failed) <= may_fail, "nothing new begins when the budget is spent"
            assert not any(one.stage == CANARY for one in failed), "nor after the canary has failed"
            begun.append(slot)
            running.append(slot)
            assert {one.stage for one in running} == {slot.stage}, "one stage at a time"
            assert len(running) <= (1 if slot.stage == CANARY else jobs)
            if per_server:
                assert max(Counter(one.server for one in running).values()) <= per_server
        assert schedule.running == tuple(one.name for one in running)
        if schedule.is_over:
            break
        ending = running.pop(data.draw(st.integers(0, len(running) - 1)))
        has_failed = data.draw(st.booleans())
        failed += [ending] if has_failed else []
        schedule.ended(ending, failed=has_failed)
    assert not running
    assert [slot.stage for slot in begun] == sorted(slot.stage for slot in begun)
    assert len(set(begun)) == len(begun)
    assert len(failed) <= may_fail + jobs
    assert (set(begun) == set(slots)) or schedule.stopped
    first_ones = [slot for slot in begun if slot.stage == CANARY]
    assert first_ones == list(slots[: len(first_ones)]), "the canary in its order, whatever the servers"
    for server in {slot.server for slot in slots}:
        mine = [slot for slot in begun if slot.server == server]
        assert mine == [slot for slot in slots if slot.server == server][: len(mine)], "each server in its order"


@pytest.mark.parametrize(
    ("failing", "budget", "stopped", "reached"),
    [
        pytest.param("a", 5, "canary_failed", "a", id="the canary, whatever the budget"),
        pytest.param("b", 0, "budget_spent", "a b", id="fail fast"),
        pytest.param("b", 1, None, "a b c d", id="within the budget"),
        pytest.param("bc", 1, "budget_spent", "a b c", id="one too many"),
        pytest.param("b", "25%", None, "a b c d", id="a part"),
        pytest.param("b", "24%", "budget_spent", "a b", id="too small a part"),
    ],
)
def test_what_stops_a_run(failing: str, budget: object, stopped: str | None, reached: str) -> None:
    schedule = Schedule(in_order([*ABC, Member("d")], canary(1)), limits(1, None, budget))
    begun = []
    while slot := schedule.take():
        begun.append(slot.name)
        schedule.ended(slot, failed=slot.name in failing)
    assert (schedule.stopped, " ".join(begun)) == (stopped, reached)


def test_servers_take_turns_and_one_that_is_full_holds_up_no_other() -> None:
    fleet = [Member("a1", server="a"), Member("a2", server="a"), Member("a3", server="a"), Member("b1", server="b")]
    one_at_a_time = Schedule(in_order(fleet, canary(0)), limits(4))
    assert [slot.name for slot in iter(one_at_a_time.take, None)] == ["a1", "b1", "a2", "a3"]
    capped = Schedule(in_order(fleet, canary(0)), limits(4, 1))
    assert [slot.name for slot in iter(capped.take, None)] == ["a1", "b1"]


def test_the_canary_keeps_its_order_whatever_the_servers() -> None:
    fleet = [Member("a1", server="a"), Member("a2", server="a"), Member("b1", server="b"), Member("b2", server="b")]
    schedule = Schedule(in_order(fleet, canary(3)), limits(4))
    begun = []
    while slot := schedule.take():
        begun.append(slot.name)
        schedule.ended(slot, failed=False)
    assert begun == ["a1", "a2", "b1", "b2"]
