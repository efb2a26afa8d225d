"""What comes before the last of an app's Django migrations."""

from __future__ import annotations

import pytest
from django.db.migrations import Migration

from medusa_migrations.files.past import _with_all_before, _wrong_end


def made(**after: str) -> dict[str, Migration]:
    """Migrations, each after those that are named, separated by spaces; `a_b` replaces `a` and `b`."""
    found = {}
    for name, names in after.items():
        migration = Migration(name, "blog")
        migration.dependencies = [("auth", "0001_initial"), *(("blog", one) for one in names.split())]
        migration.replaces = [("blog", one) for one in name.split("_")] if "_" in name else []
        found[name] = migration
    return found


LINE = made(a="", b="a", c="b")
SQUASHED = made(a="", b="a", a_b="", c="a_b")
BRANCHES = made(a="", b="a", c="a")
MERGED = made(a="", b="a", c="a", d="b c")


@pytest.mark.parametrize(
    ("migrations", "last", "found"),
    [
        (LINE, "a", "a"),
        (LINE, "c", "a b c"),
        (SQUASHED, "c", "a a_b b c"),
        (SQUASHED, "a_b", "a a_b b"),
        (SQUASHED, "b", "a a_b b"),
        (SQUASHED, "a", "a"),
        (made(a_b="", c="b"), "c", "a a_b b c"),  # what was squashed is deleted
        (BRANCHES, "b", "a b"),
        (MERGED, "d", "a b c d"),
    ],
)
def test_all_before(migrations: dict[str, Migration], last: str, found: str) -> None:
    assert sorted(_with_all_before("blog", last, migrations)) == found.split()


@pytest.mark.parametrize(
    ("migrations", "last", "text"),
    [
        (LINE, "c", None),
        (SQUASHED, "c", None),
        (made(a="", b="a", a_b=""), "b", None),
        (made(a="", b="a", a_b=""), "a_b", None),
        (MERGED, "d", None),
        (LINE, "b", "blog.c is a Django migration behind b"),
        (LINE, "a", "blog.b is a Django migration behind a"),
        (SQUASHED, "b", "blog.c is a Django migration behind b"),
        (BRANCHES, "b", "do not all come before b, with which MEDUSA_MIGRATIONS['SQL_SINCE'] ends them: c."),
    ],
)
def test_what_is_not_the_last(migrations: dict[str, Migration], last: str, text: str | None) -> None:
    problem = _wrong_end("blog", last, migrations)
    assert problem is None if text is None else problem and text in problem.text
