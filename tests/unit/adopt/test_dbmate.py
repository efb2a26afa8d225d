"""dbmate's folders."""

from __future__ import annotations

import pytest

from medusa_migrations.adopt.names import names_of

from .conftest import Convert

TEXT = "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n"


@pytest.mark.parametrize(
    ("file", "key", "name"),
    [
        ("20190901120000_create_users.sql", "20190901120000", "20190901120000_create_users"),
        ("20251209_add_y.sql", "20251209", "20251209000000_add_y"),
        ("20251007_000001_add_x.sql", "20251007", "20251007000001_add_x"),
        ("3__x.sql", "3", "20000101000003_x"),
        ("000012_x.sql", "000012", "20000101000012_x"),
        ("20190901120000-create users.sql", "20190901120000", "20190901120000_create_users"),
        ("20190901120000.sql", "20190901120000", "20190901120000_migration"),
    ],
)
def test_a_file_keeps_its_text_and_gets_a_name_of_14_digits(convert: Convert, file: str, key: str, name: str) -> None:
    converted = convert("dbmate", {file: TEXT})
    (draft,) = converted.drafts
    assert (draft.key, draft.text, names_of([draft])) == (key, TEXT, [name])


def test_files_are_in_the_order_of_their_names(convert: Convert) -> None:
    converted = convert("dbmate", {"20_b.sql": TEXT, "100_a.sql": TEXT, "3_c.sql": TEXT})
    assert [draft.key for draft in converted.drafts] == ["100", "20", "3"]
    stamps = [name[:14] for name in names_of(converted.drafts)]
    assert stamps == sorted(stamps)


def test_a_file_without_a_version_is_a_place(convert: Convert) -> None:
    converted = convert("dbmate", {"1_a.sql": TEXT, "notes.sql": "SELECT 1;"})
    assert [(place.file, place.line) for place in converted.places] == [("their/notes.sql", 1)]


@pytest.mark.parametrize(("text", "lines"), [(TEXT, []), (f"{TEXT}{TEXT}", [5]), (f"{TEXT}\n{TEXT}{TEXT}", [6])])
def test_several_pairs_are_a_place_as_dbmate_may_have_run_the_first_alone(
    convert: Convert, text: str, lines: list[int]
) -> None:
    converted = convert("dbmate", {"1_a.sql": text})
    assert [place.line for place in converted.places] == lines
    assert [draft.text for draft in converted.drafts] == [text]
