"""makemigration and migrations_build as commands; their rules are in test_make, test_sources and test_dist."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from tests.support.projects import Project


@pytest.mark.smoke
def test_a_new_migration_is_empty_and_its_path_ends_the_output(project: Project) -> None:
    out = project.manage("makemigration", "blog", "AddSlug").ok().stdout
    path = out.splitlines()[-1].split()[-1]
    assert re.fullmatch(r"blog/sql_migrations/\d{14}_add_slug\.sql", path)
    assert (project.folder / path).read_text() == "-- migrate:up\n\n\n-- migrate:down\n\n"
    project.run().ok()
    project.manage("migrations_revert").ok()


def test_makemigration_needs_no_database(project: Project) -> None:
    project.database = "there_is_none"
    project.manage("makemigration", "blog", "add slug").ok()
    project.manage("migrations_build").ok()
    project.manage("migrations_build", "--check").ok()


def test_it_sorts_after_everything_that_is_there(project: Project) -> None:
    project.table(1, app="shop")
    year = datetime.now(UTC).year + 2
    project.write(f"shop.{year}1231235959_future", "SELECT 1;")
    outcome = project.manage("makemigration", "blog", "next").ok()
    assert f"{year + 1}0101000000_next.sql" in outcome.stdout
    assert "Warning: " in outcome.stderr


def test_the_folder_is_made_where_it_is_missing(project: Project) -> None:
    (project.folder / "blog/sql_migrations").rmdir()
    project.manage("makemigration", "blog", "first", "--timestamp", "20240229000000").ok()
    assert (project.folder / "blog/sql_migrations/20240229000000_first.sql").exists()


def test_dry_run_prints_and_writes_nothing(project: Project) -> None:
    out = project.manage("makemigration", "blog", "first", "--dry-run").ok().stdout
    assert "-- migrate:up" in out
    assert list((project.folder / "blog/sql_migrations").iterdir()) == []


def test_build_says_how_many_and_how_many_are_new(project: Project) -> None:
    project.table(1)
    assert "Built 1 migration (1 new) into dist/migrations" in project.manage("migrations_build").ok().stdout
    project.table(2)
    assert "Built 2 migrations (1 new)" in project.manage("migrations_build").ok().stdout
    assert "Built 2 migrations (0 new)" in project.manage("migrations_build").ok().stdout


def test_check_tells_whether_the_build_is_current(project: Project) -> None:
    path = project.write("blog.20240101000001_t1", "SELECT 1;")
    assert "migrations_build" in project.manage("migrations_build", "--check").error()
    assert not (project.folder / "dist").exists()
    project.manage("migrations_build").ok()
    project.manage("migrations_build", "--check").ok()
    path.write_text(path.read_text() + "-- more\n")
    project.manage("migrations_build", "--check").error()


def test_the_layout_of_dist(project: Project) -> None:
    project.table(1)
    project.manage("migrations_build").ok()
    dist = project.folder / "dist/migrations"
    manifest = json.loads((dist / "manifest.json").read_text())
    (entry,) = manifest["migrations"]
    assert sorted(path.relative_to(dist).as_posix() for path in dist.rglob("*") if path.is_file()) == [
        f"blog/20240101000001_t1.{entry['hash'][:8]}.sql",
        "manifest.json",
    ]
    assert str(project.folder) not in (dist / "manifest.json").read_text()


def test_a_timestamp_far_ahead_is_warned_of(project: Project) -> None:
    project.write(f"blog.{datetime.now(UTC).year + 1}1231000000_future", "SELECT 1;")
    assert "more than a day ahead" in project.manage("migrations_build").ok().stderr


def test_an_indented_marker_is_warned_of(project: Project) -> None:
    project.write("blog.20240101000001_t1", "SELECT 1;\n  -- migrate:down\nSELECT 2;", None)
    assert "20240101000001_t1.sql:3:3" in project.manage("migrations_build").ok().stderr
