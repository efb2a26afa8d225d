"""One order over all apps; circles and gaps as errors that tell where."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medusa_migrations.errors import OrderError
from medusa_migrations.files.order import ordered, sort_after
from medusa_migrations.migration import Migration, MigrationId, dependencies, django_dependencies
from tests.support.builders import mid, migration

LABELS = ("blog", "shop", "auth")


def order(*migrations: Migration) -> list[str]:
    """The short ids of `migrations` in their order."""
    return [f"{one.id.app}.{int(one.id.name[8:14])}" for one in ordered(migrations, LABELS)]


def refusal(*migrations: Migration, labels: tuple[str, ...] = LABELS) -> str:
    with pytest.raises(OrderError) as caught:
        ordered(migrations, labels)
    return str(caught.value)


@pytest.mark.parametrize(
    ("migrations", "expected"),
    [
        ([], []),
        ([migration("blog.2"), migration("shop.1")], ["shop.1", "blog.2"]),
        ([migration("shop.1"), migration("blog.1")], ["blog.1", "shop.1"]),
        ([migration("blog.1", "shop.2"), migration("shop.2")], ["shop.2", "blog.1"]),
        (
            [migration("blog.1", "shop.5"), migration("blog.2"), migration("shop.5"), migration("blog.6")],
            ["blog.2", "shop.5", "blog.1", "blog.6"],
        ),
        ([migration("blog.1", "auth", "auth.0012_x"), migration("shop.2", "blog.1", "blog.1")], ["blog.1", "shop.2"]),
    ],
)
def test_by_timestamp_then_label_and_after_what_is_needed(migrations: list[Migration], expected: list[str]) -> None:
    assert order(*migrations) == expected
    assert order(*reversed(migrations)) == expected


def test_ties_in_one_app_go_by_name() -> None:
    ids = [
        one.id.name for one in ordered([migration("blog.1_b"), migration("blog.1_a"), migration("blog.1_a2")], LABELS)
    ]
    assert ids == ["20240101000001_a", "20240101000001_a2", "20240101000001_b"]


def test_the_separator_counts_as_a_part_of_the_name() -> None:
    names = ["20240101000001_a", "20240101000001-b"]
    found = ordered([migration(f"blog.{name}") for name in names], LABELS)
    assert [one.id.name for one in found] == ["20240101000001-b", "20240101000001_a"]


def test_dependencies_are_told_from_djangos() -> None:
    one = migration("blog.3", "shop.1", "auth", "auth.0012_alter")
    assert dependencies(one) == [mid("shop.1")]
    assert django_dependencies(one) == [("auth", None), ("auth", "0012_alter")]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_shown_link_by_link_with_its_files(length: int) -> None:
    circle = [migration(f"blog.{n}", f"blog.{n % length + 1}") for n in range(1, length + 1)]
    bystanders = [migration("blog.90"), migration("shop.91", "blog.1"), migration("shop.92", "shop.91")]
    message = refusal(*circle, *bystanders)
    for number, one in enumerate(circle, 1):
        assert f"{one.source}: {one.id} depends on {mid(f'blog.{number % length + 1}')}" in message
    assert message.count(" depends on ") == length
    assert "-- migrate:depends" in message
    assert "shop" not in message


def test_of_two_circles_one_is_shown_whole() -> None:
    message = refusal(
        migration("blog.1", "blog.2"),
        migration("blog.2", "blog.1"),
        migration("shop.3", "shop.4"),
        migration("shop.4", "shop.3"),
    )
    assert message.count(" depends on ") == 2


def test_what_waits_for_a_circle_is_not_shown_as_part_of_it() -> None:
    message = refusal(migration("blog.1", "blog.2"), migration("blog.2", "blog.3"), migration("blog.3", "blog.2"))
    assert f"  blog/sql_migrations/{mid('blog.1').name}.sql" not in message


def test_a_gap_names_the_file_the_chain_and_the_nearest() -> None:
    message = refusal(
        migration("blog.1_init"),
        migration("shop.2", "blog.1_innit"),
        migration("shop.3", "shop.2"),
        migration("auth.4", "shop.3"),
    )
    assert f"{migration('shop.2').source}: {mid('shop.2')} depends on {mid('blog.1_innit')}" in message
    assert f"Did you mean '{mid('blog.1_init')}'?" in message
    assert f"{mid('auth.4')} -> {mid('shop.3')} -> {mid('shop.2')} -> {mid('blog.1_innit')} (not there)" in message


def test_the_chain_to_a_gap_ends_even_among_a_circle() -> None:
    assert "(not there)" in refusal(migration("blog.1", "blog.2", "shop.9"), migration("blog.2", "blog.1"))


def test_a_gap_like_nothing_else_in_an_installed_app_says_what_to_do() -> None:
    message = refusal(migration("blog.20300101000000_zzz", "shop.19990630112233_qqqqqqqqqqqqqqqqq"))
    assert "Did you mean" not in message
    assert "-- migrate:depends" in message


def test_a_migration_of_an_app_that_is_not_installed_asks_for_the_app() -> None:
    """Another app's migration of the same name is not what was meant; a plugin left out of INSTALLED_APPS is."""
    message = refusal(migration("blog.1_init"), migration("blog.2", "payments.1_init"))
    assert "'payments'" in message
    assert "INSTALLED_APPS" in message


def test_a_misspelt_app_label_gets_the_nearest() -> None:
    assert "Did you mean 'auth'?" in refusal(migration("blog.1", "auht.0001_initial"))
    assert "Did you mean 'auth'?" in refusal(migration("blog.1", "auht"))


def test_an_unknown_app_label_asks_for_the_app() -> None:
    message = refusal(migration("blog.1", "contenttypes.0002_remove"))
    assert "blog/sql_migrations" in message
    assert "INSTALLED_APPS" in message
    assert "'contenttypes'" in message


@st.composite
def acyclic(draw: st.DrawFn) -> list[Migration]:
    """Migrations of which each depends on some of those before it, in any order of timestamps."""
    ids = draw(
        st.lists(st.tuples(st.sampled_from(LABELS), st.integers(0, 9), st.sampled_from("ab")), unique=True, max_size=12)
    )
    names = [f"{app}.{number}_{slug}" for app, number, slug in ids]
    return draw(
        st.permutations(
            [
                migration(name, *draw(st.lists(st.sampled_from(names[:at]), max_size=3)) if at else ())
                for at, name in enumerate(names)
            ]
        )
    )


@given(acyclic())
def test_the_order_is_a_permutation_with_every_dependency_before(migrations: list[Migration]) -> None:
    found = ordered(migrations, LABELS)
    assert sorted(one.id for one in found) == sorted(one.id for one in migrations)
    position = {one.id: at for at, one in enumerate(found)}
    assert all(position[other] < position[one.id] for one in found for other in dependencies(one))


@given(acyclic())
def test_the_order_does_not_hang_on_how_the_files_are_found(migrations: list[Migration]) -> None:
    assert ordered(migrations, LABELS) == ordered(list(reversed(migrations)), LABELS)


@given(acyclic())
def test_each_comes_as_early_as_its_dependencies_let_it(migrations: list[Migration]) -> None:
    """Of two neighbours in the wrong order by key, the later one needs the earlier one."""
    found = ordered(migrations, LABELS)
    for one, other in itertools.pairwise(found):
        assert one.id.sort_key < other.id.sort_key or one.id in dependencies(other)


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.integers(0, 99)), unique=True))
def test_without_dependencies_the_order_is_that_of_the_keys(ids: list[tuple[str, int]]) -> None:
    migrations = [migration(f"{app}.{number}") for app, number in ids]
    assert list(ordered(migrations, LABELS)) == sorted(migrations, key=lambda one: one.id.sort_key)


@given(st.dictionaries(st.integers(0, 8), st.sets(st.integers(0, 8), max_size=3)))
def test_sort_after_leaves_out_circles_and_what_needs_them_and_nothing_else(graph: dict[int, set[int]]) -> None:
    needed = {mid(f"blog.{one}"): {mid(f"blog.{other}") for other in others} for one, others in graph.items()}

    def reaches_circle(id_: MigrationId, path: tuple[MigrationId, ...] = ()) -> bool:
        return id_ in path or any(reaches_circle(other, (*path, id_)) for other in needed[id_] if other in needed)

    found = sort_after(needed, lambda id_: id_.sort_key)
    assert set(found) == {id_ for id_ in needed if not reaches_circle(id_)}
    assert len(found) == len(set(found))


def test_a_long_chain_is_no_recursion() -> None:
    chain = [migration(f"blog.{n}", *([f"blog.{n + 1}"] if n < 3000 else [])) for n in range(1, 3001)]
    assert order(*chain)[0] == "blog.3000"
