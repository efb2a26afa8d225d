"""Flyway's folders."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from medusa_migrations.adopt.draft import Text
from medusa_migrations.adopt.flyway import TOOL
from medusa_migrations.adopt.names import names_of
from medusa_migrations.errors import MigrationError, PlanError

from .conftest import Convert

AT = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("file", "key", "name"),
    [
        ("V1__Create users.sql", "1", "20000102000000_Create_users"),
        ("V01.0__a.sql", "1", "20000102000000_a"),
        ("V1_2__a.sql", "1.2", "20000102000200_a"),
        ("V1.2.3__a__b.sql", "1.2.3", "20000102000203_a__b"),
        ("V7.sql", "7", "20000108000000_migration"),
        ("V1_1.sql", "1.1", "20000102000100_migration"),
        ("V1___a.sql", "1", "20000102000000_a"),
        ("V2024.01.02.0304__a.sql", "2024.1.2.304", "20240102030400_a"),
        ("V20240102030405__a.sql", "20240102030405", "20240102030405_a"),
        ("R__my_views.sql", "R__my views", "R__my_views"),
    ],
)
def test_names(convert: Convert, file: str, key: str, name: str) -> None:
    (draft,) = convert("flyway", {file: "SELECT 1;\n"}).drafts
    assert (draft.key, names_of([draft])) == (key, [name])


def test_versions_are_in_the_order_of_their_parts_and_repeatable_ones_last(convert: Convert) -> None:
    files = ["R__b.sql", "V10__x.sql", "V9.1__x.sql", "R__a.sql", "V9__x.sql", "V9.0.1__x.sql"]
    drafts = convert("flyway", dict.fromkeys(files, "SELECT 1;\n")).drafts
    assert [draft.key for draft in drafts] == ["9", "9.0.1", "9.1", "10", "R__a", "R__b"]
    stamps = [name[:14] for name in names_of(drafts)[:4]]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"U1__x.sql": "DROP TABLE a"}, "-- migrate:up\nSELECT 1;\n-- migrate:down\nDROP TABLE a;\n"),
        ({"U1.0__y.sql": "SELECT 2;\n"}, "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n"),
        (
            {"V1__x.sql.conf": "# why\nexecuteInTransaction = FALSE\n"},
            "-- migrate:up transaction:false\nSELECT 1;\n",
        ),
        ({"V1__x.sql.conf": "executeInTransaction=true\n"}, "-- migrate:up\nSELECT 1;\n"),
        ({"V2__y.sql.conf": "executeInTransaction=false\n"}, "-- migrate:up\nSELECT 1;\n"),
        ({"V1__x.sql.conf": "encoding=ISO_8859_1\n"}, "-- migrate:up\nSELECT 1;\n"),
    ],
)
def test_the_files_beside_a_version_are_a_part_of_it(convert: Convert, files: dict[str, str], text: str) -> None:
    (draft,) = convert("flyway", {"V1__x.sql": "SELECT 1;\n", **files}).drafts
    assert draft.text == text


@pytest.mark.parametrize(
    ("files", "places"),
    [
        ({"V1__x.sql": "SELECT 1;\nSELECT '${a}', '${flyway:b}';\n"}, [("V1__x.sql", 2), ("V1__x.sql", 2)]),
        ({"V1__x.sql": "SELECT '${a}';\n", "V1__x.sql.conf": "placeholderReplacement=false"}, []),
        ({"V1__x.sql": "SELECT 1;\n", "V1__x.sql.conf": "shouldExecute=${a}==b"}, [("V1__x.sql", 1)]),
        ({"V1__x.sql": "SELECT 1;\n", "U1__x.sql": "\nSELECT ${a};\n"}, [("U1__x.sql", 2)]),
        ({"V1__x.sql": "SELECT 'é';", "V1__x.sql.conf": "encoding=ISO_8859_1"}, [("V1__x.sql", 1)]),
        ({"V1__x.sql": "SELECT 'é';", "V1__x.sql.conf": "encoding=utf8"}, []),
        ({"V1__x.java": "class V1__x {}"}, [("V1__x.java", 1)]),
    ],
)
def test_what_flyway_alone_knows_is_a_place_that_stops(
    convert: Convert, files: dict[str, str], places: list[tuple[str, int]]
) -> None:
    (draft,) = convert("flyway", files).drafts
    assert [(place.file.removeprefix("their/"), place.line) for place in draft.places] == places
    assert draft.text.count("RAISE") == len(set(places))


def test_a_conf_is_of_the_file_beside_it() -> None:
    places = ("a/V1__x.sql", "b/V1__x.sql.conf", "b/V2__x.sql", "a/V2__x.sql.conf")
    off = "executeInTransaction=false"
    texts = [Text(path, path[2:], off if path.endswith(".conf") else "SELECT 1;\n") for path in places]
    assert [draft.text for draft in TOOL.convert(texts).drafts] == ["-- migrate:up\nSELECT 1;\n"] * 2


@pytest.mark.parametrize("file", ["afterMigrate.sql", "B5__x.sql", "U2__x.sql", "v1__x.sql"])
def test_what_is_not_imported_is_a_place(convert: Convert, file: str) -> None:
    converted = convert("flyway", {"V1__x.sql": "SELECT 1;\n", file: "SELECT 1;\n"})
    assert ([draft.key for draft in converted.drafts], [place.file for place in converted.places]) == (
        ["1"],
        [f"their/{file}"],
    )


def test_two_undo_files_of_one_version_are_refused(convert: Convert) -> None:
    files = dict.fromkeys(["V1__x.sql", "U1__x.sql", "U1.0__y.sql"], "SELECT 1;\n")
    with pytest.raises(MigrationError, match=r"their/U1__x\.sql and their/U1\.0__y\.sql undo the same version, 1\."):
        convert("flyway", files)


def row(version: str | None, kind: str = "SQL", description: str = "x", *, success: bool = True) -> tuple[object, ...]:
    return version, description, kind, f"V{version}__x.sql", AT, 5, success


@pytest.mark.parametrize(
    ("rows", "applied"),
    [
        ([row("1"), row("1.1")], ["1", "1.1"]),
        ([row("1.0"), row("2")], ["1", "2"]),
        ([row("1"), row("2"), row("2", "UNDO_SQL")], ["1"]),
        ([row("1"), row("1", "UNDO_SQL"), row("1")], ["1"]),
        ([row("1"), row("1", "DELETE")], []),
        ([row("2", "BASELINE"), row("3")], ["1", "1.1", "2", "3"]),
        ([row("0", "SCHEMA"), row("1", "JDBC")], ["1"]),
        ([row(None, description="a view"), row("7")], ["R__a view", "7"]),
    ],
)
def test_what_its_history_has_as_applied(rows: list[tuple[object, ...]], applied: list[str]) -> None:
    assert [one.key for one in TOOL.history.read(rows, ["1", "1.1", "2", "3", "R__a view"])] == applied


def test_what_failed_stops() -> None:
    with pytest.raises(PlanError, match=r"has V2__x\.sql as failed.*flyway repair"):
        TOOL.history.read([row("1"), row("2", success=False)], ["1", "2"])
