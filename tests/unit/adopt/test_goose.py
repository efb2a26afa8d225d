"""goose's folders."""

from __future__ import annotations

import pytest

from medusa_migrations.adopt.goose import TOOL
from medusa_migrations.errors import FileError, PlanError

from .conftest import Convert


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n",
            "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n",
        ),
        ("--+goose up\nSELECT 1;", "-- migrate:up\nSELECT 1;\n"),
        ("-- migrate:feature x\n-- +goose Up\n", "--| migrate:feature x\n-- migrate:up\n"),
        ("-- +goose   UP \t\nSELECT 1;", "-- migrate:up\nSELECT 1;\n"),
        ("-- +goose Up --\n-- goose\n", "-- migrate:up\n-- goose\n"),
        (
            "\n-- about\n-- +goose Up\nSELECT 3; SELECT 3; -- two\n\n-- +goose Down\n-- back\nSELECT 4;  -- one\n",
            "\n-- about\n-- migrate:up\nSELECT 3; SELECT 3; -- two\n\n-- migrate:down\n-- back\nSELECT 4;  -- one\n",
        ),
        (
            "-- +goose Up\n-- +goose StatementBegin\nCOPY t FROM stdin;\n1\ta\n\\.\n-- +goose StatementEnd\n",
            "-- migrate:up\n\nCOPY t FROM stdin;\n1\ta\n\\.\n\n",
        ),
        (
            "-- +goose Up\nSELECT '-->';\n-- +goose Down\n-- +goose NO TRANSACTION\nSELECT 2;\n",
            "-- migrate:up transaction:false\nSELECT '-->';\n-- migrate:down transaction:false\n\nSELECT 2;\n",
        ),
        ("-- About.\n\n-- +goose UP\n", "-- About.\n\n-- migrate:up\n"),
        (
            "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n-- +goose Down\n",
            "-- migrate:up transaction:false\nSELECT 1;\n-- migrate:down transaction:false\n",
        ),
        (
            "-- +goose Up\n-- +goose StatementBegin\nDO $$ BEGIN END $$\n-- +goose StatementEnd\nSELECT 1;\n",
            "-- migrate:up\n\nDO $$ BEGIN END $$\n;\nSELECT 1;\n",
        ),
        (
            "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n",
            "-- migrate:up\n\nSELECT 1;\n\n",
        ),
        ("-- +goose Up\nSELECT '${HOME}';\n", "-- migrate:up\nSELECT '${HOME}';\n"),
    ],
)
def test_annotations_become_markers(convert: Convert, theirs: str, ours: str) -> None:
    converted = convert("goose", {"00001_a.sql": theirs})
    (draft,) = converted.drafts
    assert (draft.key, draft.text, draft.places) == ("1", ours, ())


def test_a_variable_of_the_environment_is_a_place_where_goose_puts_its_value(convert: Convert) -> None:
    text = (
        "-- +goose Up\n-- +goose ENVSUB ON\nSELECT '${A:-b}', $B;\nSELECT 1;\n-- +goose ENVSUB OFF\n"
        "SELECT '${C}';\n-- +goose Down\n-- +goose ENVSUB ON\nSELECT '$D';\n"
    )
    (draft,) = convert("goose", {"1_a.sql": text}).drafts
    assert [(place.line, place.message.split()[0]) for place in draft.places] == [(3, "${A:-b}"), (9, "$D")]
    up, _, down = draft.text.partition("-- migrate:down")
    assert (up.count("RAISE"), down.count("RAISE")) == (1, 1)


@pytest.mark.parametrize(
    ("line", "sent", "variable"),
    [
        ("SELECT $$$$a$$$$;", "SELECT $$a$$;", None),
        ("SELECT '\\$x';", "SELECT '$x';", None),
        ("SELECT '$(x)'; -- $", "SELECT '$(x)'; -- $", None),
        ("SELECT 'a\\\\';", "SELECT 'a\\\\';", None),
        ("SELECT 'a\\\\$x';", None, "$x"),
        ("SELECT '${A:-b}';", None, "${A:-b}"),
        ("SELECT '${A?no A}';", None, "${A?no A}"),
        ("SELECT $tag$y$tag$;", None, "$tag"),
        ("SELECT 'a $ b';", None, "$"),
    ],
)
def test_dollars_where_goose_substitutes(convert: Convert, line: str, sent: str | None, variable: str | None) -> None:
    text = f"-- +goose ENVSUB ON\n-- +goose Up\n{line}\n-- +goose ENVSUB OFF\nSELECT $$b$$;\n"
    (draft,) = convert("goose", {"1_a.sql": text}).drafts
    messages = [place.message for place in draft.places]
    assert messages == ([f"{variable} is a variable of the environment: write its value."] if variable else [])
    assert draft.text.endswith(f"{sent or line}\n\nSELECT $$b$$;\n")


@pytest.mark.parametrize("file", ["0_a.sql", "000_a.sql", "a.sql", "1.sql", "-1_a.sql"])
def test_what_goose_does_not_run_is_a_place(convert: Convert, file: str) -> None:
    converted = convert("goose", {file: "-- +goose Up\n"})
    assert (converted.drafts, [place.file for place in converted.places]) == ((), [f"their/{file}"])


def test_go_is_a_place_in_both_parts(convert: Convert) -> None:
    files = {"2_b.go": "package m", "1_a.sql": "-- +goose Up\n", "3_c_test.go": "package m", "main.go": "package m"}
    one, two = convert("goose", files).drafts
    assert (one.key, two.key) == ("1", "2")
    assert two.text.count("RAISE") == 2
    assert [(place.file, place.line) for place in two.places] == [("their/2_b.go", 1)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("SELECT 1;\n", "their/1_a.sql:1:1: goose needs one `-- +goose Up`"),
        ("-- +goose Down\n-- +goose Up\n", "their/1_a.sql:1:1: goose needs one"),
        ("-- +goose Up\n-- +goose Up\n", "their/1_a.sql:2:1: goose needs one"),
        ("-- +goose Up\n-- +goose Down\n-- +goose Up\n", "their/1_a.sql:3:1: goose needs one"),
        ("-- +goose Up\n-- +goose StatmentBegin\n", "their/1_a.sql:2:1: unknown annotation: -- +goose StatmentBegin"),
        ("-- +goose Up\n-- +goose\n", "their/1_a.sql:2:1: unknown annotation: -- +goose"),
        ("-- +goose +goose Up\n", "their/1_a.sql:1:1: unknown annotation: -- +goose +goose Up"),
        ("-- +goose Up\n-- see +goose Down\n", "their/1_a.sql:2:1: unknown annotation: -- see +goose Down"),
        ("-- +goose Up\n -- +goose Down\n", "their/1_a.sql:2:1: goose takes an annotation at the very start of a line"),
        ("\t-- +goose Up\n", "their/1_a.sql:1:1: goose takes an annotation at the very start of a line"),
        (
            "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n",
            "their/1_a.sql:2:1: no `-- +goose StatementEnd` follows",
        ),
        (
            "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose Down\n-- +goose StatementEnd\n",
            "their/1_a.sql:2:1: no `-- +goose StatementEnd` follows",
        ),
        ("-- +goose Up\n-- +goose StatementEnd\n", "their/1_a.sql:2:1: goose takes no +goose StatementEnd here"),
        (
            "-- +goose Up\n-- +goose StatementBegin\n-- +goose StatementBegin\n",
            "their/1_a.sql:3:1: goose takes no +goose StatementBegin here",
        ),
        (
            "-- +goose StatementBegin\n-- +goose Up\n",
            "their/1_a.sql:1:1: goose takes no +goose StatementBegin here",
        ),
    ],
)
def test_what_goose_does_not_take_is_refused_with_its_place(convert: Convert, text: str, place: str) -> None:
    with pytest.raises(FileError) as caught:
        convert("goose", {"1_a.sql": text})
    assert str(caught.value).startswith(place)


def test_the_last_row_of_a_version_counts() -> None:
    rows = [(0, True, None), (1, True, None), (2, False, None), (2, True, None)]
    assert [one.key for one in TOOL.history.read(rows, [])] == ["1", "2"]
    with pytest.raises(PlanError, match="of version 1 that it is not applied"):
        TOOL.history.read([*rows, (1, False, None)], [])
