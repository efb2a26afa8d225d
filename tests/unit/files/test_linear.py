"""The file that names the newest migration: what is wrong with it, and who writes it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from medusa_migrations.errors import BuildError, FileError, MigrationError
from medusa_migrations.files import linear
from medusa_migrations.files.build import are_sources_accepted, build, from_sources
from medusa_migrations.files.linear import FILE
from medusa_migrations.files.make import make
from tests.support.builders import app_folder, files_below, installed

A, B = "20240101000000_a", "20240102000000_b"
EMPTY = "-- migrate:up\n-- migrate:down\n"
CONFLICT = f"<<<<<<< HEAD\n{A}\n=======\n{B}\n>>>>>>> main\n"
REBASE = "migrations_rebase blog"


@pytest.mark.parametrize(
    "text",
    [f"{B}\n", B, f"{B}\r\n", f"  {B} \n\n"],
    ids=["as it is written", "without a line end", "as git writes it on Windows", "with white space"],
)
def test_a_line_with_the_newest_name_is_right(text: str) -> None:
    assert linear.problem("blog", FILE, text, [B, A]) is None


@pytest.mark.parametrize(
    ("text", "names", "problem", "cure"),
    [
        (None, [A, B], "it is missing", f"Write into it the name of the newest migration: {B}"),
        (CONFLICT, [A, B], f"{FILE}:1:1: two branches have added a migration", REBASE),
        (f"{A}\n||||||| 1234567\n{B}\n", [A, B], f"{FILE}:2:1: two branches", REBASE),
        (f"{A}\n", [A, B], f"{FILE}:1:1: it names {A}, and the newest migration is {B}", REBASE),
        ("20230101000000_x", [A, B], f"it names 20230101000000_x, which is not there, and the newest is {B}", REBASE),
        (f"{A}\n{B}\n", [A, B], "it is not one line with the name", f"write into it: {B}"),
        (f"blog.{B}", [A, B], "it is not one line with the name", f"write into it: {B}"),
        ("", [A], "it is not one line with the name", f"write into it: {A}"),
        (f"{A}\n", [], "the app has no migration", "Delete it."),
    ],
    ids=[
        "missing",
        "conflicted",
        "conflicted, with the base",
        "an older name",
        "a name that is not there",
        "two names, as a union merge leaves them",
        "an id",
        "empty",
        "no migration at all",
    ],
)
def test_anything_else_is_an_error_with_its_cure(text: str | None, names: list[str], problem: str, cure: str) -> None:
    message = str(linear.problem("blog", FILE, text, names))
    assert problem.replace("the newest is", "the newest migration is") in message
    assert cure in message


def test_an_app_without_migrations_needs_no_file() -> None:
    assert linear.problem("blog", FILE, None, []) is None


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The source folder of `line_blog`, the project's only app, which LINEAR has."""
    base = tmp_path.resolve()
    sources = app_folder(base, "line_blog", {f"{A}.sql": EMPTY})
    with installed("line_blog", path=base, BASE_DIR=base, MEDUSA_MIGRATIONS={"LINEAR": True}):
        yield sources


def problems() -> list[str]:
    with pytest.raises(BuildError) as caught:
        from_sources()
    assert not are_sources_accepted()
    return [str(error) for error in caught.value.errors]


def test_a_build_and_the_check_of_files_name_it_beside_what_else_is_wrong(folder: Path) -> None:
    (folder / FILE).write_text(f"{A}\n")
    build()
    assert are_sources_accepted()
    (folder / FILE).write_text(CONFLICT)
    assert [one.splitlines()[0] for one in problems()] == [
        f"line_blog/sql_migrations/{FILE}:1:1: two branches have added a migration, and the file has both"
    ]
    (folder / f"{B}.sql").write_text("SELECT 1;")
    assert len(problems()) == 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"\xff\xfe2\x000\x00", "UTF-16"), (None, "cannot be read: it is no plain file")],
    ids=["another encoding", "a folder in its place"],
)
def test_a_file_that_cannot_be_read_is_named(folder: Path, content: bytes | None, problem: str) -> None:
    if content is None:
        (folder / FILE).mkdir()
    else:
        (folder / FILE).write_bytes(content)
    (message,) = problems()
    assert f"line_blog/sql_migrations/{FILE}: " in message
    assert problem in message


@pytest.mark.parametrize("chosen", [False, [], ["line_shop"]])
def test_other_apps_have_no_such_file(folder: Path, tmp_path: Path, chosen: object) -> None:
    app_folder(tmp_path, "line_shop")
    with override_settings(INSTALLED_APPS=["line_blog", "line_shop"], MEDUSA_MIGRATIONS={"LINEAR": chosen}):
        from_sources()
        make("line_blog", "b")
    assert not (folder / FILE).exists()


def test_a_package_has_none_unless_it_is_named(folder: Path, tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"
    app_folder(packages, "line_plugin", {f"{A}.sql": EMPTY})
    (folder / FILE).write_text(A)
    with installed("line_blog", "line_plugin", path=[tmp_path, packages], BASE_DIR=tmp_path):
        with override_settings(MEDUSA_MIGRATIONS={"LINEAR": True}):
            from_sources()
        with override_settings(MEDUSA_MIGRATIONS={"LINEAR": ["line_plugin"]}):
            assert "Take 'line_plugin' out of MEDUSA_MIGRATIONS['LINEAR']." in problems()[0]


def test_a_new_migration_is_written_into_it_if_it_is_the_newest(folder: Path) -> None:
    made = make("line_blog", "b", timestamp=B[:14])
    assert (folder / FILE).read_bytes() == f"{made.id.name}\n".encode()
    make("line_blog", "older", timestamp="20230101000000")
    assert (folder / FILE).read_text() == f"{made.id.name}\n"
    newest = make("line_blog", "in python", python=True)
    assert (folder / FILE).read_text() == f"{newest.id.name}\n"
    from_sources()


@pytest.mark.parametrize("content", [CONFLICT, f"{B}\n"], ids=["conflicted", "wrong"])
def test_no_migration_is_made_while_it_is(folder: Path, content: str) -> None:
    (folder / FILE).write_text(content)
    before = files_below(folder)
    with pytest.raises(FileError, match="migrations_rebase line_blog"):
        make("line_blog", "b")
    assert files_below(folder) == before


def test_a_dry_run_writes_none(folder: Path) -> None:
    make("line_blog", "b", dry_run=True)
    assert list(files_below(folder)) == [f"{A}.sql"]


def test_the_first_migration_makes_folder_and_file(folder: Path) -> None:
    shutil.rmtree(folder)
    made = make("line_blog", "first")
    assert set(files_below(folder)) == {FILE, f"{made.id.name}.sql"}


def test_where_it_cannot_be_written_somebody_is_told_what_is_and_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(linear, "put", full)
    with pytest.raises(MigrationError, match="The migration is written") as caught:
        make("line_blog", "b", timestamp=B[:14])
    assert str(folder / FILE) in str(caught.value)
    assert (folder / f"{B}.sql").exists()
