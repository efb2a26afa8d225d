"""Ids and names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medusa_migrations.migration import (
    NAME_LENGTH,
    TIMESTAMP_FORMAT,
    Direction,
    MigrationId,
    name_problem,
    timestamp_problem,
)
from tests.support.builders import migration

STAMP = "20230801075818"


@pytest.mark.parametrize(
    "name",
    [
        f"{STAMP}_add_authors_and_posts",
        f"{STAMP}-add-authors-and-posts",
        f"{STAMP}_v1.2",
        f"{STAMP}_A",
        f"{STAMP}__x",
        f"{STAMP}_.",
        "20240229235959_leap",
        "00010101000000_first",
        "99991231235959_last",
        f"{STAMP}_" + "x" * (NAME_LENGTH - 15),
    ],
)
def test_a_good_name_has_no_problem(name: str) -> None:
    assert name_problem(name) is None
    assert MigrationId.parse(f"blog.{name}") == MigrationId("blog", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "init",
        "0001_initial",
        STAMP,
        f"{STAMP}_",
        f"{STAMP}-",
        f"{STAMP}.x",
        f"{STAMP} x",
        f"{STAMP}_a b",
        f"{STAMP}_a/b",
        f"{STAMP}_a\\b",
        f"{STAMP}_ä",
        f"{STAMP}_a\n",
        f" {STAMP}_a",
        f"{STAMP}0_a",
        f"{STAMP[:-1]}_a",
        "٢٠٢٣٠٨٠١٠٧٥٨١٨_a",
    ],
)
def test_a_bad_name_is_told_the_form(name: str) -> None:
    assert "<timestamp>_<slug>" in (name_problem(name) or "")
    assert MigrationId.parse(f"blog.{name}") is None


@pytest.mark.parametrize(
    "timestamp",
    [
        "20230229000000",
        "20231301000000",
        "20230001000000",
        "20230100000000",
        "20230431000000",
        "20230101240000",
        "20230101006000",
        "20230101000060",
        "20230101000061",
        "00000101000000",
        "2023010100000",
        "202301010000000",
        "",
        "2023010100000x",
        "2023-01-01 00:",
        "２０２３0101000000",
        "2023010100000\n",
        "+2023010100000",
    ],
)
def test_a_timestamp_that_is_no_moment_is_refused(timestamp: str) -> None:
    assert timestamp_problem(timestamp) == f"{timestamp!r} is not a moment written YYYYMMDDHHMMSS (UTC)"


def test_a_name_with_a_timestamp_that_is_no_moment_is_refused() -> None:
    assert "20230229000000" in (name_problem("20230229000000_a") or "")


def test_a_name_too_long_for_a_file_in_dist_is_told_the_limit() -> None:
    problem = name_problem(f"{STAMP}_" + "x" * (NAME_LENGTH - 14)) or ""
    assert f"{NAME_LENGTH + 1} characters" in problem
    assert f"at most {NAME_LENGTH}" in problem


@given(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)))
def test_every_moment_is_a_timestamp(moment: datetime) -> None:
    assert timestamp_problem(moment.replace(tzinfo=UTC).strftime(TIMESTAMP_FORMAT)) is None


@given(st.text("0123456789", min_size=14, max_size=14))
def test_digits_are_a_timestamp_exactly_if_they_are_a_moment(digits: str) -> None:
    parts = int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2))
    try:
        datetime(*parts)  # type: ignore[arg-type]
    except ValueError:
        assert timestamp_problem(digits)
    else:
        assert timestamp_problem(digits) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "blog",
        "blog.",
        f".{STAMP}_a",
        f"{STAMP}_a",
        f"my.blog.{STAMP}_a",
        f"my-blog.{STAMP}_a",
        f"1blog.{STAMP}_a",
        f"../blog.{STAMP}_a",
        f"blog.{STAMP}_../../x",
        f" blog.{STAMP}_a",
        f"blog.{STAMP}_a ",
        "auth.0012_alter_user_first_name_max_length",
    ],
)
def test_what_writes_no_id_is_none(text: str) -> None:
    assert MigrationId.parse(text) is None


@given(
    st.from_regex(r"[a-z_][a-z0-9_]*", fullmatch=True), st.from_regex(r"[0-9]{14}[_-][A-Za-z0-9_.-]+", fullmatch=True)
)
def test_an_id_is_read_as_it_is_written(app: str, name: str) -> None:
    id_ = MigrationId(app, name)
    assert MigrationId.parse(str(id_)) == id_
    assert id_.sort_key == (name[:14], app, name) == (id_.timestamp, id_.app, id_.name)


def test_the_part_of_a_direction() -> None:
    one = migration("blog.1")
    assert one.part(Direction.UP) is one.up
    assert one.part(Direction.DOWN) is one.down
    assert migration("blog.1", down=None).part(Direction.DOWN) is None
