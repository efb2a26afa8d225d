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


def test_build_as_a_document(project: Project) -> None:
    ids = [project.table(number) for number in (1, 2)]
    nothing: dict[str, object] = {"changed": [], "removed": [], "warnings": []}
    check = project.manage("migrations_build", "--check", "--json")
    assert check.error().startswith("CommandError: dist/migrations differs from the sources.")
    assert check.json == {"dist": "dist/migrations", "built": ids, "new": ids, **nothing}
    assert not (project.folder / "dist").exists()
    built = project.manage("migrations_build", "--json").ok()
    assert (built.json, built.stderr) == (check.json, "")
    (project.folder / project.source(ids[0])).unlink()
    project.write(ids[1], "SELECT 1;\n  -- migrate:up")
    new = project.table(3)
    again = project.manage("migrations_build", "--json").ok()
    (warning,) = again.json["warnings"]
    assert again.stderr == f"Warning: {warning}\n"
    assert again.json == {
        "dist": "dist/migrations",
        "built": [ids[1], new],
        "new": [new],
        "changed": [ids[1]],
        "removed": [ids[0]],
        "warnings": [warning],
    }
    assert project.manage("migrations_build", "--check", "--json").ok().json["new"] == []


def test_what_is_in_the_build_no_more_is_said(project: Project) -> None:
    ids = [project.table(number) for number in (1, 2, 3)]
    project.manage("migrations_build").ok()
    for id_ in ids[:2]:
        (project.folder / project.source(id_)).unlink()
    removed = "Built 1 migration (0 new, 2 removed) into dist/migrations\n"
    assert project.run("--fake").ok().stdout.startswith(removed)
    assert project.manage("migrations_build").ok().stdout == removed.replace(", 2 removed", "")


@pytest.mark.parametrize("options", [[], ["--check"]])
def test_what_cannot_be_built_is_in_the_document_as_an_error(project: Project, options: list[str]) -> None:
    for number in (1, 2):
        project.write(f"blog.2024010100000{number}_bad", "SELECT 'open;")
    outcome = project.manage("migrations_build", "--json", *options)
    message = outcome.json["error"]["message"]
    assert f"CommandError: {message}\n" == outcome.error()
    assert "2 problems in the migration files" in message
    empty = {name: [] for name in ("built", "new", "changed", "removed", "warnings")}
    assert outcome.json == {"dist": None, **empty, "error": {"message": message}}


def test_a_new_migration_as_a_document(project: Project) -> None:
    path = "blog/sql_migrations/20240229000000_first.sql"
    make = ("makemigration", "blog", "first", "--timestamp", "20240229000000", "--json")
    dry = project.manage(*make, "--dry-run").ok()
    assert not (project.folder / path).exists()
    made = project.manage(*make).ok()
    text = (project.folder / path).read_text()
    assert made.json == {"id": "blog.20240229000000_first", "path": path, "warnings": []}
    assert dry.json == {**made.json, "text": text}
    assert made.stderr == dry.stderr == ""
    refused = project.manage(*make)
    message = refused.json["error"]["message"]
    assert "is there already; nothing was written" in message
    assert refused.error() == f"CommandError: {message}\n"
    assert refused.json == {"id": None, "path": None, "warnings": [], "error": {"message": message}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["blgo", "first"], "Did you mean 'blog'?"),
        (["blog"], "APP and NAME are needed"),
        (["blog", "first", "--check"], "--check goes with --generate only"),
        (["blog", "--generate", "--python"], "--python and --generate cannot go together"),
    ],
)
def test_what_cannot_be_made_is_in_the_document_as_an_error(project: Project, arguments: list[str], words: str) -> None:
    outcome = project.manage("makemigration", *arguments, "--json")
    assert words in outcome.error()
    assert words in outcome.json["error"]["message"]
    assert outcome.json["id"] is None
