"""The globs of what is kept: which tables they mean, and what becomes of them when a table is renamed."""

from __future__ import annotations

import pytest

from medusa_migrations.generate.kept import globs_after_renames, keeps_table


@pytest.mark.parametrize(
    ("glob", "is_kept"),
    [
        ("blog_archive.*", True),
        ("*_archive.*", True),
        ("*", True),
        ("blog_arch*", True),
        ("blog_archive.id", False),
        ("blog_archive.i*", False),
        ("blog_archives.*", False),
    ],
)
def test_globs_that_keep_a_table(glob: str, is_kept: bool) -> None:
    assert keeps_table([glob], "blog_archive") is is_kept


@pytest.mark.parametrize(
    ("glob", "new", "more"),
    [
        ("blog_a.x_*", "blog_b", ["blog_b.x_*"]),
        ("blog_?.x", "blog_bb", ["blog_bb.x"]),
        ("blog_*.x", "blog_b", []),
        ("blog_c.x", "blog_b", []),
        ("blog_a.x", "My [Table]", ["My??Table].x"]),
    ],
)
def test_globs_after_a_table_was_renamed(glob: str, new: str, more: list[str]) -> None:
    assert globs_after_renames([glob], {"blog_a": new}, {}) == more


@pytest.mark.parametrize(
    ("glob", "more"),
    [
        ("blog_a.x.default", ["blog_b.x.default", "blog_b.y.default"]),
        ("blog_a.*.default", ["blog_b.*.default"]),
        ("*.default", []),
        ("blog_a.x", ["blog_b.x"]),
        ("blog_a.z.default", ["blog_b.z.default"]),
    ],
)
def test_globs_of_a_default_after_its_column_was_renamed(glob: str, more: list[str]) -> None:
    columns = {("blog_a", "x"): ("blog_b", "y")}
    assert globs_after_renames([glob], {"blog_a": "blog_b"}, columns) == more
