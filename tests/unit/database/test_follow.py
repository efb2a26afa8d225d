"""What is to be another in a history when migrations were renamed."""

from __future__ import annotations

import pytest

from medusa_migrations.database.follow import Wanted, changes
from tests.support.builders import mid, row

OLD, NEW, OTHER = mid("blog.2_b"), mid("blog.9_b"), mid("shop.3_c")


@pytest.mark.parametrize(
    ("rows", "checksums", "expected"),
    [
        ([row("blog.2_b")], {}, {OLD: {"name": NEW.name}}),
        ([row("blog.2_b", state="failed")], {}, {OLD: {"name": NEW.name}}),
        ([row("blog.2_b", checksum="x")], {NEW: ("x", "y")}, {OLD: {"name": NEW.name, "checksum": "y"}}),
        ([row("blog.2_b", checksum="z")], {NEW: ("x", "y")}, {OLD: {"name": NEW.name}}),
        ([row("shop.3_c", checksum="x")], {OTHER: ("x", "y")}, {OTHER: {"checksum": "y"}}),
        ([row("shop.3_c", checksum="y")], {OTHER: ("x", "y")}, {}),
        ([row("blog.9_b", checksum="y")], {NEW: ("x", "y")}, {}),
        ([row("blog.2_b"), row("blog.9_b")], {}, {}),
        ([row("blog.1_a")], {}, {}),
    ],
    ids=[
        "its name",
        "of an unfinished one too",
        "and its checksum, if its text is another",
        "but not one that was another before",
        "the checksum of what depends on it",
        "which has followed already",
        "all has followed already",
        "not where both are there",
        "nothing of it is there",
    ],
)
def test_what_follows(rows: list[object], checksums: object, expected: object) -> None:
    known = {one.id: one for one in rows}  # type: ignore[attr-defined]  # of the table
    assert changes(known, Wanted({OLD: NEW}, checksums)) == expected  # type: ignore[arg-type]  # of the table
