"""The order of both kinds, without a database: cases, and what holds of any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medusa_migrations.migration import Key
from medusa_migrations.plan.interleaving import interleave, reachable, with_declared


def key(text: str) -> Key:
    app, _, name = text.partition(".")
    return app, name


def keys(text: str) -> list[Key]:
    return [key(word) for word in text.split()]


def edges(text: str) -> dict[Key, set[Key]]:
    """`a.1: b.1 b.2; c.1: a.1` as a mapping."""
    pairs = (line.partition(":") for line in text.split(";") if line.strip())
    return {key(left.strip()): set(keys(right)) for left, _, right in pairs}


@pytest.mark.parametrize(
    ("django", "sql", "needs", "declared", "wants", "expected"),
    [
        pytest.param("auth.1 shop.1", "b.1 b.2", "", "", "", "b.1 b.2 auth.1 shop.1", id="SQL comes first"),
        pytest.param(
            "auth.1 auth.2 shop.1", "b.1", "auth.2: auth.1; b.1: auth.1", "", "", "auth.1 b.1 auth.2 shop.1",
            id="but after what its header names, and no later",
        ),
        pytest.param(
            "auth.1 auth.2 shop.1", "b.1", "auth.2: auth.1", "", "b.1: auth.1 auth.2", "auth.1 auth.2 b.1 shop.1",
            id="and after all of an app that its models refer to",
        ),
        pytest.param(
            "shop.1 shop.2", "b.1 b.2", "shop.2: shop.1; b.2: b.1 shop.1", "shop.1: b.1 b.2", "",
            "b.1 shop.1 b.2 shop.2", id="what waits for a Django migration is not what that declares",
        ),
        pytest.param(
            "shop.1 shop.2", "b.1", "shop.2: shop.1", "shop.2: b.1", "b.1: shop.1 shop.2", "shop.1 b.1 shop.2",
            id="what a Django migration declares is stronger than what the models imply",
        ),
        pytest.param(
            "shop.1", "b.1", "", "shop.1: b.1", "b.1: shop.1", "b.1 shop.1", id="foreign keys both ways",
        ),
        pytest.param(
            "shop.1", "r.1 a.2 b.3", "r.1: shop.1", "shop.1: b.3", "", "a.2 b.3 shop.1 r.1",
            id="those before one that is needed early come before it there too",
        ),
        pytest.param(
            "shop.1 crm.1", "a.1 b.2", "a.1: crm.1; b.2: shop.1", "shop.1: a.1; crm.1: b.2", "",
            "crm.1 a.1 shop.1 b.2", id="two declarations that would close a circle together: the first one holds",
        ),
    ],
)  # fmt: skip
def test_cases(django: str, sql: str, needs: str, declared: str, wants: str, expected: str) -> None:
    firm = with_declared(edges(needs), {one: sorted(others) for one, others in edges(declared).items()})
    order = interleave(keys(django), keys(sql), firm, {one: sorted(others) for one, others in edges(wants).items()})
    assert order == keys(expected)


NAMES = st.integers(0, 11)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[Key], list[Key], dict[Key, set[Key]], dict[Key, list[Key]]]:
    """Django's migrations and SQL ones, needs without circles, and any wants."""
    django = [("d", f"{number:02d}") for number in range(draw(st.integers(0, 6)))]
    sql = [("s", f"{number:02d}") for number in range(draw(st.integers(0, 6)))]
    mixed = draw(st.permutations([*django, *sql]))
    rank = {one: index for index, one in enumerate(mixed)}
    # Each kind keeps its own order, as both Django's plan and ours do.
    for kind in (django, sql):
        kind.sort(key=rank.__getitem__)
    pairs = draw(st.lists(st.tuples(NAMES, NAMES), max_size=14))
    needs: dict[Key, set[Key]] = {}
    for one, other in pairs:
        if one < len(mixed) and other < one:
            needs.setdefault(mixed[one], set()).add(mixed[other])
    wants: dict[Key, list[Key]] = {}
    for one, other in draw(st.lists(st.tuples(NAMES, NAMES), max_size=10)):
        if one < len(mixed) and other < len(mixed) and one != other:
            wants.setdefault(mixed[one], []).append(mixed[other])
    return django, sql, needs, wants


def before(order: list[Key], pairs: Mapping[Key, Iterable[Key]]) -> list[tuple[Key, Key]]:
    """The pairs that `order` does not keep."""
    place = {one: index for index, one in enumerate(order)}
    return [(one, other) for one, others in pairs.items() for other in others if place[other] > place[one]]


@given(problems())
def test_everything_is_there_once_and_after_what_it_needs(
    problem: tuple[list[Key], list[Key], dict[Key, set[Key]], dict[Key, list[Key]]],
) -> None:
    django, sql, needs, wants = problem
    order = interleave(django, sql, needs, wants)
    assert sorted(order) == sorted([*django, *sql])
    assert before(order, needs) == []


@given(problems())
def test_a_wish_is_refused_only_to_what_waits_for_it(
    problem: tuple[list[Key], list[Key], dict[Key, set[Key]], dict[Key, list[Key]]],
) -> None:
    django, sql, needs, wants = problem
    all_edges = {one: {*needs.get(one, ()), *wants.get(one, ())} for one in [*django, *sql]}
    # What the order of SQL asks of Django's is a wish too.
    last = {one: max((sql.index(other) for other in needs.get(one, ()) if other in sql), default=-1) for one in django}
    for one, index in last.items():
        all_edges[one] |= set(sql[: index + 1])
    for one, other in before(interleave(django, sql, needs, wants), wants):
        assert one in reachable([other], all_edges), (one, other)


@given(problems())
def test_without_needs_between_the_kinds_nothing_changes_place(
    problem: tuple[list[Key], list[Key], dict[Key, set[Key]], dict[Key, list[Key]]],
) -> None:
    django, sql, needs, _ = problem
    within = {one: {other for other in others if other[0] == one[0]} for one, others in needs.items()}
    assert interleave(django, sql, within, {}) == [*sql, *django]


@given(problems(), st.data())
def test_what_is_declared_closes_no_circle(
    problem: tuple[list[Key], list[Key], dict[Key, set[Key]], dict[Key, list[Key]]], data: st.DataObject
) -> None:
    django, sql, needs, _ = problem
    declared = {one: data.draw(st.lists(st.sampled_from(sql))) if sql else [] for one in django}
    firm = with_declared(needs, declared)
    for one, others in firm.items():
        assert one not in reachable(list(others), firm)
    assert before(interleave(django, sql, firm, {}), firm) == []
