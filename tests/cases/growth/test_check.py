"""`check`, which most commands begin with, parsed every file anew: 1.5 s for 5,000 of them. Found by load."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from medusa_migrations.files import dist, sources, sqlfile
from medusa_migrations.files.build import build
from medusa_migrations.management.checks import check_files
from tests.support.builders import app_folder, installed

SQL = "-- migrate:up\nSELECT 1;\n-- migrate:down\n"
FIRST, SECOND = "20240101000001_a.sql", "20240101000002_b.sql"
AFTER_FIRST = f"-- migrate:depends grown.20240101000001_a\n{SQL}"
AUTH = "django.contrib.auth"


def test_what_is_built_is_not_parsed_again_and_what_is_not_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = app_folder(tmp_path, "grown", {FIRST: SQL, SECOND: SQL})
    parsed: list[str] = []
    parse = sqlfile.parse
    monkeypatch.setattr(sqlfile, "parse", lambda text, path, **how: parsed.append(path) or parse(text, path, **how))
    with installed("grown", path=tmp_path, BASE_DIR=tmp_path, MEDUSA_MIGRATIONS={"DIST_DIR": str(tmp_path / "dist")}):
        assert check_files() == []
        assert len(parsed) == 2
        build()
        parsed.clear()
        assert check_files() == []
        assert parsed == []
        (folder / SECOND).write_text(SQL.replace("SELECT 1", "SELECT 'open"))
        (error,) = check_files()
        assert error.id == "medusa_migrations.E005"
        assert f"grown/sql_migrations/{SECOND}:2:8" in str(error.msg)
        assert parsed == [f"grown/sql_migrations/{SECOND}"]
        (folder / SECOND).unlink()
        (folder / "20240101000003_c.sql").write_text(f"-- migrate:depends grown.{SECOND.removesuffix('.sql')}\n{SQL}")
        assert "depends on grown.20240101000002_b, which no installed app has" in str(check_files()[0].msg)


def edit_within_a_moment(folder: Path) -> None:
    """As long as before, and as old."""
    path = folder / SECOND
    before = path.stat()
    path.write_text(AFTER_FIRST.replace("SELECT 1;", "SELECT '1"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


# What happens to the sources after a build, and what is then said of them.
CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "an edit within a moment": (edit_within_a_moment, f"grown/sql_migrations/{SECOND}:3:8"),
    "one gone": (lambda folder: (folder / FIRST).unlink(), "depends on grown.20240101000001_a, which no installed app"),
    "a name that is none": (lambda folder: (folder / SECOND).rename(folder / "b.sql"), "a migration is named"),
    "an id twice": (lambda folder: (folder / "20240101000002_b.py").write_text("def up(schema): ..."), "is taken by"),
    "the same in a folder below": (
        lambda folder: ((folder / "below").mkdir(), (folder / SECOND).rename(folder / "below" / SECOND)),
        "it is in a folder below",
    ),
    "a pipe": (lambda folder: ((folder / SECOND).unlink(), os.mkfifo(folder / SECOND)), "it is no plain file"),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_after_a_build_is_found(change: Callable[[Path], object], said: str, tmp_path: Path) -> None:
    folder = app_folder(tmp_path, "grown", {FIRST: SQL, SECOND: AFTER_FIRST})
    with installed("grown", path=tmp_path, BASE_DIR=tmp_path, MEDUSA_MIGRATIONS={}):
        build()
        change(folder)
        (error,) = check_files()
        assert said in str(error.msg)


def test_an_app_that_is_depended_on_and_not_installed_any_more_is_found(tmp_path: Path) -> None:
    app_folder(tmp_path, "grown", {FIRST: f"-- migrate:depends auth.0001_initial\n{SQL}"})
    settings = {"path": tmp_path, "BASE_DIR": tmp_path, "MEDUSA_MIGRATIONS": {}}
    with installed("grown", "django.contrib.contenttypes", AUTH, **settings):
        build()
        assert check_files() == []
    with installed("grown", **settings):
        assert "no installed app has the label 'auth'" in str(check_files()[0].msg)


@pytest.mark.parametrize("manifest", ["", "[]", '{"format": 3}', None])
def test_without_a_build_that_can_be_read_the_files_are_parsed(manifest: str | None, tmp_path: Path) -> None:
    folder = app_folder(tmp_path, "grown", {FIRST: SQL, SECOND: SQL})
    with installed("grown", path=tmp_path, BASE_DIR=tmp_path, MEDUSA_MIGRATIONS={}):
        build()
        path = tmp_path / "dist/migrations" / dist.MANIFEST
        path.unlink()
        os.mkfifo(path) if manifest is None else path.write_text(manifest)
        assert check_files() == []
        (folder / SECOND).write_text("SELECT 1;")
        assert "SQL before the up part" in str(check_files()[0].msg)


def test_of_files_as_they_were_built_no_migration_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app_folder(tmp_path, "grown", {FIRST: SQL, SECOND: SQL})
    with installed("grown", path=tmp_path, BASE_DIR=tmp_path, MEDUSA_MIGRATIONS={}):
        build()
        monkeypatch.delattr(sources, "collect")
        assert check_files() == []
