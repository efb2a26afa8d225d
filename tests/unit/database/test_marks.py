"""What a message says of itself to whoever looks at pg_stat_activity."""

from __future__ import annotations

import pytest

from medusa_migrations.database.session import Mark, mark, read_mark
from medusa_migrations.migration import Direction, MigrationId

A, B, C = (MigrationId("blog", f"2024010100000{number}-add-{number}.x") for number in range(3))
UP, DOWN = Direction.UP, Direction.DOWN


@pytest.mark.parametrize("ids", [(A,), (MigrationId("blog", "R__views"),)])
def test_one_is_read_as_it_was_written(ids: tuple[MigrationId, ...]) -> None:
    assert read_mark(f"{mark(*ids)}BEGIN;") == Mark(None, ids)


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_several_are_read_as_they_were_written(direction: Direction) -> None:
    assert read_mark(f"{mark(A, B, C, direction=direction)}{mark(A)}BEGIN;") == Mark(direction, (A, B, C))


def test_what_the_server_has_cut_off_has_the_ids_that_are_whole() -> None:
    sent = mark(A, B, C, direction=UP)
    assert read_mark(sent[: sent.index(str(C)) + 20]) == Mark(UP, (A, B))


@pytest.mark.parametrize("sent", ["", "SELECT 1", "BEGIN; /* blog.x */", "-- blog.x", mark(MigrationId("a */ b", "c"))])
def test_others_have_none(sent: str) -> None:
    assert read_mark(sent) is None


@pytest.mark.parametrize(
    ("direction", "there", "found"),
    [
        (UP, set(), A),
        (UP, {A}, B),
        (UP, {A, B, C}, None),
        (DOWN, {A, B, C}, A),
        (DOWN, {B, C}, B),
        (DOWN, set(), None),
        (None, set(), A),
        (None, {A}, A),
    ],
)
def test_which_is_under_way(direction: Direction | None, there: set[MigrationId], found: MigrationId | None) -> None:
    assert Mark(direction, (A, B, C) if direction else (A,)).under_way(there) == found
