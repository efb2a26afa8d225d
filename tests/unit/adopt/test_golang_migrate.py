"""golang-migrate's folders."""

from __future__ import annotations

import pytest

from medusa_migrations.adopt.golang_migrate import TOOL
from medusa_migrations.adopt.names import names_of
from medusa_migrations.errors import MigrationError, PlanError

from .conftest import Convert


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (
            {"1_a.up.sql": "CREATE TABLE a ()", "1_a.down.sql": "DROP TABLE a"},
            "-- migrate:up\nCREATE TABLE a ();\n-- migrate:down\nDROP TABLE a;\n",
        ),
        ({"1_a.up.sql": "SELECT 1;\n"}, "-- migrate:up\nSELECT 1;\n"),
        ({"1_a.down.sql": "SELECT 1;\n"}, "-- migrate:up\n-- migrate:down\nSELECT 1;\n"),
        ({"1_a.up.sql": ""}, "-- migrate:up\n"),
        (
            {"1_a.up.sql": "SELECT 1;\n-- migrate:down\nSELECT 2;\n"},
            "-- migrate:up\nSELECT 1;\n--| migrate:down\nSELECT 2;\n",
        ),
        (
            {"1_a.up.sql": "CREATE INDEX CONCURRENTLY a ON b (c)"},
            "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY a ON b (c);\n",
        ),
        ({"1_a.up.sql": "BEGIN;\nSELECT 1;\nCOMMIT;"}, "-- migrate:up\n/* BEGIN; */\nSELECT 1;\n/* COMMIT; */\n"),
    ],
)
def test_two_files_become_the_parts_of_one(convert: Convert, files: dict[str, str], text: str) -> None:
    (draft,) = convert("golang-migrate", files).drafts
    assert (draft.key, draft.text, names_of([draft])) == ("1", text, ["20000101000001_a"])


@pytest.mark.parametrize(
    ("file", "key", "title"),
    [
        ("1_foobar.up.sql", "1", "foobar"),
        ("1_f-o_ob+ar.up.sql", "1", "f-o_ob+ar"),
        ("1485385885_foobar.up.sql", "1485385885", "foobar"),
        ("20170412214116_date_foobar.up.sql", "20170412214116", "date_foobar"),
        ("1_.up.sql", "1", ""),
        ("1_a.down.up.sql", "1", "a.down"),
        ("1_a.up.pgsql", "1", "a"),
        ("1_a.up.sql.tmpl", "1", "a"),
    ],
)
def test_names_as_golang_migrate_takes_them(convert: Convert, file: str, key: str, title: str) -> None:
    (draft,) = convert("golang-migrate", {file: "SELECT 1"}).drafts
    assert (draft.key, draft.title, draft.text) == (key, title, "-- migrate:up\nSELECT 1;\n")


@pytest.mark.parametrize("file", ["-1_a.up.sql", "a.up.sql", "1.up.sql", "1_a.sql", "1_a.alwaysup.sql"])
def test_names_as_golang_migrate_does_not_take_them(convert: Convert, file: str) -> None:
    converted = convert("golang-migrate", {file: "SELECT 1"})
    assert (converted.drafts, [place.file for place in converted.places]) == ((), [f"their/{file}"])


def test_versions_are_numbers(convert: Convert) -> None:
    files = {"000010_c.up.sql": "", "9_b.up.sql": "", "0009_b.down.sql": "", "20240101000000_d.up.sql": ""}
    drafts = convert("golang-migrate", files).drafts
    assert [draft.key for draft in drafts] == ["9", "10", "20240101000000"]


def test_two_files_of_one_version_and_direction_are_refused(convert: Convert) -> None:
    with pytest.raises(MigrationError, match=r"their/1_a\.up\.sql and their/01_b\.up\.sql have the same version"):
        convert("golang-migrate", {"1_a.up.sql": "", "01_b.up.sql": ""})


@pytest.mark.parametrize(
    ("rows", "applied"), [([], []), ([(2, False)], ["1", "2"]), ([(3, False)], ["1", "2", "3"]), ([(0, False)], ["0"])]
)
def test_the_one_version_stands_for_all_up_to_it(rows: list[tuple[int, bool]], applied: list[str]) -> None:
    assert [one.key for one in TOOL.history.read(rows, ["1", "2", "4"])] == applied


def test_a_dirty_version_stops() -> None:
    with pytest.raises(PlanError, match=r"version 2 dirty.*migrate force VERSION"):
        TOOL.history.read([(2, True)], ["1", "2"])
