"""Timestamps for versions of all forms, in the order of the tool, and the same at every import."""

from __future__ import annotations

import pytest

from medusa_migrations.adopt.draft import Chunk, Draft
from medusa_migrations.adopt.names import names_of, of_digits, of_parts
from medusa_migrations.migration import NAME_LENGTH, TIMESTAMP_FORMAT, name_problem


@pytest.mark.parametrize(
    ("version", "stamp"),
    [
        ("20240102030405", "20240102030405"),
        ("202401020304", "20240102030400"),
        ("2024010203", "20240102030000"),
        ("20240102", "20240102000000"),
        ("20240102030405678", "20240102030405"),
        ("1690000000", "20230722042640"),
        ("1690000000123", "20230722042640"),
        ("1", "20000101000001"),
        ("000012", "20000101000012"),
        ("3600", "20000101010000"),
        ("20241399", "20000822063639"),
        ("0", "20000101000000"),
        ("00010101000000", "23200202172000"),
    ],
)
def test_digits_are_the_moment_that_they_write_or_seconds_after_2000(version: str, stamp: str) -> None:
    found = of_digits(version)
    assert found is not None
    assert found.strftime(TIMESTAMP_FORMAT) == stamp


@pytest.mark.parametrize(
    ("version", "stamp"),
    [
        ("1", "20000102000000"),
        ("1.1", "20000102000100"),
        ("1.1.1", "20000102000101"),
        ("2.10.3", "20000103001003"),
        ("20240102", "20240102000000"),
        ("20240102.2", "20240102000200"),
        ("2024.01.02", "20240102000000"),
        ("2024.1.2.3.4", "20240102030400"),
        ("20240102030405", "20240102030405"),
        ("1.1440", None),
        ("1.0.60", None),
        ("9999999", None),
    ],
)
def test_parts_are_days_minutes_and_seconds_after_2000_unless_they_write_a_moment(
    version: str, stamp: str | None
) -> None:
    found = of_parts(version.split("."))
    assert (found and found.strftime(TIMESTAMP_FORMAT)) == stamp


def draft(version: str, title: str = "x", *, repeatable: bool = False) -> Draft:
    moment = None if repeatable else of_digits(version)
    return Draft(version, f"{version}.sql", title, moment, (Chunk("SELECT 1;\n"),), repeatable=repeatable)


def test_each_comes_behind_the_one_before_it_whatever_its_version_says() -> None:
    versions = ["1", "2", "20240101", "20230101", "99999999999999999999", "20240102"]
    assert [name[:14] for name in names_of([draft(version) for version in versions])] == [
        "20000101000001",
        "20000101000002",
        "20240101000000",
        "20240101000001",
        "20240101000002",
        "20240102000000",
    ]


def test_a_year_that_leaves_no_room_behind_it_is_not_taken() -> None:
    assert names_of([draft("99991231235959"), draft("99999999999999")]) == ["20000101000000_x", "20000101000001_x"]


def test_more_of_them_leave_the_names_of_those_before_as_they_are() -> None:
    few = [draft(str(number)) for number in range(1, 5)]
    assert names_of([*few, draft("5"), draft("20240101")])[:4] == names_of(few)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("add_users", "add_users"),
        ("Add users, and more!", "Add_users_and_more"),
        ("_-x.", "x"),
        ("ü", "migration"),
        ("", "migration"),
        ("a" * 400, "a" * (NAME_LENGTH - 15)),
    ],
)
def test_the_slug_is_the_title_as_far_as_a_name_takes_it(title: str, slug: str) -> None:
    (name,) = names_of([draft("1", title)])
    assert name == f"20000101000001_{slug}"
    assert name_problem(name) is None


def test_a_repeatable_one_has_no_timestamp() -> None:
    assert names_of([draft("1"), draft("R__a view", "a view", repeatable=True)])[1] == "R__a_view"
