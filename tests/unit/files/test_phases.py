"""The build's warning of what is held back only for what it depends on."""

from __future__ import annotations

from pathlib import Path

from medusa_migrations.files.phases import held_back_warnings
from medusa_migrations.migration import Migration
from tests.support.builders import in_file, mid, migration

AFTER = "-- migrate:phase after\n"


def warnings(*migrations: Migration) -> list[str]:
    return list(held_back_warnings(migrations))


def test_the_two_are_named_with_the_line_of_the_dependency(tmp_path: Path) -> None:
    drop = in_file(tmp_path, "blog.1_drop", header=AFTER)
    other = in_file(tmp_path, "shop.2_other")
    use = in_file(
        tmp_path, "shop.3_use", header=f"-- Uses it.\n-- migrate:depends {other.id}\n-- migrate:depends {drop.id}\n"
    )
    (warning,) = warnings(drop, other, use)
    assert warning.startswith(f"{use.source}:3: {use.id} depends on {drop.id}, which is of phase after, so ")


def test_it_may_depend_on_it_through_others(tmp_path: Path) -> None:
    drop = in_file(tmp_path, "blog.1_drop", header=AFTER)
    between = in_file(tmp_path, "blog.2_between", header=f"-- migrate:depends {drop.id}\n")
    last = in_file(tmp_path, "blog.3_last", header=f"-- migrate:depends {between.id}\n")
    first, second = warnings(drop, between, last)
    assert first.startswith(f"{between.source}:1: {between.id} depends on {drop.id}, ")
    assert second.startswith(f"{last.source}:1: {last.id} depends through {between.id} on {drop.id}, ")


def test_a_file_in_python_is_cited_by_its_line_where_that_can_be_told(tmp_path: Path) -> None:
    drop = migration("blog.1", phase="after")
    path = tmp_path / "step.py"
    python = migration("blog.2", str(drop.id))._replace(source="blog/step.py", file=str(path))
    path.write_text(f"depends = [\n    'auth',\n    '{drop.id}',\n]\n")
    assert warnings(drop, python)[0].startswith(f"blog/step.py:3: {mid('blog.2')} depends on ")
    path.write_text("depends = make()\n")
    assert warnings(drop, python)[0].startswith(f"blog/step.py: {mid('blog.2')} depends on ")


def test_what_is_of_that_phase_itself_or_depends_on_none_is_no_matter() -> None:
    drop = migration("blog.1", phase="after")
    assert warnings(drop, migration("blog.2"), migration("blog.3", "blog.1", phase="after")) == []
