"""Django's commands with SQL migrations: where their lines go, which one a name means, what runserver says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from medusa_migrations.errors import PlanError
from medusa_migrations.management.extended.listing import Line, merged
from medusa_migrations.management.extended.notice import notice
from medusa_migrations.management.extended.one import ended, named
from tests.support.builders import mid, migration

LABELS = ("auth", "blog", "shop", "zoo")
NONE = " (no migrations)"

MERGED: dict[str, tuple[list[str], dict[str, list[str]], list[str]]] = {
    "behind the app's own": (["auth", " [X] 1", "shop", " [ ] 2"], {"auth": [" sql"]},
                             ["auth", " [X] 1", " sql", "shop", " [ ] 2"]),
    "of an app without Django migrations": (["auth", NONE, "shop", NONE], {"shop": [" sql"]},
                                            ["auth", NONE, "shop", " sql"]),
    "of apps without a heading, in their order": (["auth", " 1", "shop", " 2"], {"zoo": [" z"], "blog": [" b"]},
                                                  ["auth", " 1", "blog", " b", "shop", " 2", "zoo", " z"]),
    "where Django lists nothing": ([], {"blog": [" b"], "auth": [" a"]}, ["auth", " a", "blog", " b"]),
    "of an app that is named twice": (["shop", " 1", "shop", " 1"], {"shop": [" sql"]},
                                      ["shop", " 1", " sql", "shop", " 1", " sql"]),
    "before what another command says first": (["Look:", "shop", " 1"], {"auth": [" a"]},
                                               ["Look:", "auth", " a", "shop", " 1"]),
    "of an app that is gone": (["auth", " 1"], {"gone": [" g"]}, ["auth", " 1", "gone", " g"]),
}  # fmt: skip


def lines(texts: Sequence[str]) -> list[Line]:
    return [Line(text) for text in texts]


@pytest.mark.parametrize("case", MERGED)
def test_where_the_lines_of_sql_migrations_go(case: str) -> None:
    theirs, mine, expected = MERGED[case]
    found = merged(lines(theirs), {label: lines(texts) for label, texts in mine.items()}, LABELS)
    assert [line.text for line in found] == expected


def test_a_heading_of_ours_has_the_colour_of_djangos() -> None:
    assert merged([], {"blog": [Line(" b")]}, LABELS, str.upper)[0] == Line("blog", str.upper)


FIRST, SECOND, SHOP = migration("blog.1_author"), migration("blog.2"), migration("shop.1")
ALL = (FIRST, SECOND, SHOP)


@pytest.mark.parametrize(
    ("label", "name", "others", "expected"),
    [
        ("blog", FIRST.id.name, [], FIRST),
        ("blog", "20240101000001", [], FIRST),
        ("blog", "20240101000002", ["0001_initial"], SECOND),
        ("blog", "0001", ["0001_initial"], None),
        ("blog", "9", ["0001_initial"], None),
        ("blog", "20240101000001_author", ["20240101000001_author_more"], FIRST),
        ("blog", "2024_x", ["2024_x", "2024_xy"], None),
        ("shop", "2", [], SHOP),
        ("auth", "0001", ["0001_initial"], None),
        ("auth", "2", [], None),
    ],
)
def test_which_one_a_name_means(label: str, name: str, others: list[str], expected: object) -> None:
    assert named(label, name, ALL, others) == expected


@pytest.mark.parametrize(
    ("name", "others", "words"),
    [
        ("2024", [], "More than one migration matches '2024' in app 'blog'. Please be more specific."),
        ("20240101000001", ["20240101000001_hand_made"], "More than one migration matches '20240101000001' in app"),
        ("2025", [], "Cannot find a migration matching '2025' from app 'blog'."),
    ],
)
def test_a_name_that_does_not_say_which(name: str, others: list[str], words: str) -> None:
    with pytest.raises(PlanError) as caught:
        named("blog", name, ALL, others)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("\nSELECT 1;\n", "SELECT 1;"),
        ("SELECT 1 ;", "SELECT 1 ;"),
        ("SELECT 1; -- the end", "SELECT 1; -- the end"),
        ("SELECT 1", "SELECT 1\n;"),
        ("SELECT 1 -- no semicolon;", "SELECT 1 -- no semicolon;\n;"),
        ("-- nothing", "-- nothing"),
        ("\n", ""),
        ("COPY t FROM stdin;\n1\n\\.\n", "COPY t FROM stdin;\n1\n\\."),
    ],
)
def test_the_last_statement_has_its_semicolon(sql: str, expected: str) -> None:
    assert ended(sql) == expected


def test_the_notice_has_the_form_of_djangos() -> None:
    assert notice([]) == []
    assert notice([mid("shop.1"), mid("blog.1"), mid("shop.2")]) == [
        "\nYou have 3 unapplied SQL migration(s). Your project may not work properly until you apply the migrations "
        "for app(s): blog, shop.",
        "Run 'python manage.py migrations_run' to apply them.",
    ]
