"""What an import writes into an app, and what it refuses in words before it writes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from medusa_migrations import api
from medusa_migrations.errors import MigrationError
from medusa_migrations.files import linear
from medusa_migrations.results import ImportResult
from tests.support.builders import app_folder, files_below, installed, open_folder, without_privileges

EMPTY = "-- migrate:up\n"
DBMATE = {"1_a.sql": f"{EMPTY}CREATE TABLE a ();\n", "2_b.sql": EMPTY}
A, B, C = (f"2000010100000{number}_{word}" for number, word in enumerate("abc", 1))


@pytest.fixture
def project() -> Iterator[Path]:
    """A folder that stands for BASE_DIR, with the app `blog`."""
    with open_folder() as folder:
        sources = app_folder(folder, "blog")
        with installed("blog", path=folder, BASE_DIR=folder):
            yield sources


def put(sources: Path, files: Mapping[str, str | bytes]) -> Path:
    """Files of another tool, beside the app."""
    theirs = sources.parents[1] / "theirs"
    theirs.mkdir(exist_ok=True)
    for name, text in files.items():
        (theirs / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return theirs


def imported(theirs: Path, tool: str = "dbmate", app: str = "blog", *, dry_run: bool = False) -> ImportResult:
    return api.import_from(tool, str(theirs), app, dry_run=dry_run)


def refused(theirs: Path, tool: str = "dbmate", app: str = "blog") -> str:
    with pytest.raises(MigrationError) as caught:
        imported(theirs, tool, app)
    return str(caught.value)


def test_files_are_written_and_those_that_are_there_stay_as_they_are(project: Path) -> None:
    theirs = put(project, DBMATE)
    assert [one.is_new for one in imported(theirs).files] == [True, True]
    (project / f"{A}.sql").write_text("-- migrate:up\n-- mine\n")
    put(project, {"3_c.sql": EMPTY})
    again = imported(theirs)
    assert [(one.id.name, one.is_new) for one in again.files] == [(A, False), (B, False), (C, True)]
    assert files_below(project) == {
        f"{A}.sql": b"-- migrate:up\n-- mine\n",
        f"{B}.sql": EMPTY.encode(),
        f"{C}.sql": EMPTY.encode(),
    }


def test_a_dry_run_writes_nothing_and_has_the_texts(project: Path) -> None:
    result = imported(put(project, DBMATE), dry_run=True)
    assert [one.text for one in result.files] == list(DBMATE.values())
    assert files_below(project) == {}


def test_the_folder_of_the_app_is_made_and_its_newest_migration_is_written_down(project: Path) -> None:
    project.rmdir()
    with installed("blog", path=project.parents[1], MEDUSA_MIGRATIONS={"LINEAR": True}):
        imported(put(project, DBMATE))
    assert (project / linear.FILE).read_text() == f"{B}\n"


def test_places_are_told_of_new_files_only(project: Path) -> None:
    theirs = put(project, {"V1__a.sql": "SELECT '${x}';", "B1__b.sql": ""})
    assert [place.file.rpartition("/")[2] for place in imported(theirs, "flyway").places] == ["B1__b.sql", "V1__a.sql"]
    assert [place.file.rpartition("/")[2] for place in imported(theirs, "flyway").places] == ["B1__b.sql"]


GOOSE = {"00001_a.sql": "-- +goose Up\nSELECT 1;\n"}

REFUSED: list[tuple[str, str, Mapping[str, str | bytes], str]] = [
    ("a folder without files", "dbmate", {"x.txt": ""}, "/theirs has no migrations. Give the folder"),
    ("another tool's files", "dbmate", GOOSE, "00001_a.sql is a migration of goose, not of dbmate"),
    ("dbmate's files", "typeorm", DBMATE, "1_a.sql is a migration of dbmate, not of typeorm"),
    ("files of two tools", "dbmate", {**DBMATE, "1_x.up.sql": ""}, "1_x.up.sql is a migration of golang-migrate"),
    ("no migration at all", "goose", {"x.sql": "SELECT 1"}, "/theirs has no migrations of goose. Nothing was imported"),
    ("two of one version", "dbmate", {"1_a.sql": EMPTY, "1_b.sql": EMPTY}, "1_b.sql have the same version, 1."),
    (
        "a class twice",
        "typeorm",
        dict.fromkeys(("a.ts", "a.js"), "export class A1690000000000 { up(queryRunner) {} }"),
        "have the same version, A1690000000000.",
    ),
    (
        "an encoding",
        "dbmate",
        {"1_a.sql": b"-- migrate:up\nSELECT '\xe9';\n"},
        "1_a.sql: the file is not UTF-8 (line 2",
    ),
    (
        "what no build takes",
        "dbmate",
        {"1_a.sql": f"{EMPTY}\nBEGIN;\n", "2_b.sql": EMPTY},
        "1_a.sql:3:1: BEGIN cannot run inside a transaction",
    ),
    (
        "what no build takes in a down file",
        "golang-migrate",
        {"1_a.up.sql": "SELECT 1;", "1_a.down.sql": "\n\\d x\n"},
        "1_a.down.sql:2:1: \\d is a command of psql",
    ),
    (
        "NUL",
        "typeorm",
        {"a.ts": "export class A1690000000000 { up(r) { queryRunner.query('SELECT 1; -- \\0') } }"},
        "a.ts:1: NUL character",
    ),
    ("several of these", "dbmate", {"1_a.sql": "SELECT 1;", "2_b.sql": "-- migrate:up\nSELECT 'x"}, "2 problems"),
    (
        "two repeatable ones of one name",
        "flyway",
        {"R__\u00fcber.sql": "SELECT 1;", "R__\u00e4ber.sql": "SELECT 2;"},
        "would both be R__ber.sql: ",
    ),
    ("a tool that is not known", "dbmat", DBMATE, "There is no import from 'dbmat'"),
]


@pytest.mark.parametrize(("tool", "files", "problem"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_is_refused_in_words_before_anything_is_written(
    project: Path, tool: str, files: Mapping[str, str | bytes], problem: str
) -> None:
    assert problem in refused(put(project, files), tool)
    assert files_below(project) == {}


def test_a_folder_that_is_none_is_refused(project: Path) -> None:
    theirs = put(project, DBMATE)
    assert refused(theirs / "x").startswith(f"{theirs}/x does not exist. Give the folder")
    assert refused(theirs / "1_a.sql").startswith(f"{theirs}/1_a.sql is no folder.")


def test_the_folder_of_the_app_itself_is_refused(project: Path) -> None:
    (project / "1_a.sql").write_text(EMPTY)
    assert refused(project).startswith(f"{project} is where the migrations of 'blog' are to be.")


def test_an_app_that_is_not_there_is_refused(project: Path) -> None:
    assert "There is no app with the label 'bolg'. Did you mean 'blog'?" in refused(put(project, DBMATE), app="bolg")


def test_what_may_not_be_read_is_refused(project: Path) -> None:
    theirs = put(project, DBMATE)
    (theirs / "1_a.sql").chmod(0)
    with without_privileges():
        assert "1_a.sql: cannot be read: Permission denied" in refused(theirs)
    theirs.chmod(0)
    with without_privileges():
        assert "theirs: Permission denied. Give this process the right to read it." in refused(theirs)
    theirs.chmod(0o755)


def test_where_one_file_cannot_be_written_none_is(project: Path) -> None:
    theirs = put(project, DBMATE)
    (project / f"{B}.sql").mkdir()
    assert f"Cannot write {project}/{B}.sql: " in refused(theirs)
    assert files_below(project) == {}
