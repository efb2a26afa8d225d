"""Where the installed apps keep their migrations: real packages on the path, real files in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from django.apps import apps

from medusa_migrations.errors import BuildError, SettingsError
from medusa_migrations.files import sqlfile
from medusa_migrations.files.sources import Sources, collect, is_installed_package, source_files, source_folder
from medusa_migrations.migration import NAME_LENGTH, Migration, MigrationId, checksum
from tests.support.builders import app_folder, installed, open_folder, without_privileges

SQL = "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n"
FIRST = "20240101000001_first.sql"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The project's folder; beside it there is room for what is not the project's."""
    folder = tmp_path.resolve() / "project"
    folder.mkdir()
    return folder


def collected(
    base: Path,
    *names: str,
    path: tuple[Path, ...] = (),
    known: Mapping[MigrationId, Migration] | None = None,
) -> Sources:
    with installed(*names, path=path or base, BASE_DIR=base, MEDUSA_MIGRATIONS={}):
        return collect(known)


def refusal(base: Path, *names: str) -> BuildError:
    with pytest.raises(BuildError) as caught:
        collected(base, *names)
    return caught.value


def test_a_file_is_read_into_a_migration(base: Path) -> None:
    text = "-- The first.\n-- migrate:depends auth\n-- migrate:feature new\n-- migrate:keep a.b\n" + SQL
    folder = app_folder(base, "src_blog", {FIRST: text})
    parsed = sqlfile.parse(text, "")
    assert collected(base, "src_blog").migrations == (
        Migration(
            id=MigrationId("src_blog", "20240101000001_first"),
            source=f"src_blog/sql_migrations/{FIRST}",
            file=str(folder / FIRST),
            hash=hashlib.sha256(text.encode()).hexdigest(),
            checksum=parsed.checksum,
            up=parsed.up,
            down=parsed.down,
            depends=("auth",),
            feature="new",
            keep=("a.b",),
            description="The first.",
        ),
    )


def test_line_ends_and_a_byte_order_mark_change_the_hash_and_not_the_checksum(base: Path) -> None:
    app_folder(
        base, "src_blog", {FIRST: SQL, "20240101000002_b.sql": b"\xef\xbb\xbf" + SQL.replace("\n", "\r\n").encode()}
    )
    one, other = collected(base, "src_blog").migrations
    assert one.checksum == other.checksum
    assert one.hash != other.hash


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "_draft.sql",
        "__init__.py",
        "_20240101000002_x.sql",
        "20240101000002_x.sql.bak",
        "20240101000002_x.sql~",
        "20240101000002_x.SQL",
        "20240101000002_x",
        ".gitkeep",
        "schema.txt",
    ],
)
def test_what_is_no_migration_is_ignored(name: str, base: Path) -> None:
    app_folder(base, "src_blog", {FIRST: SQL, name: "whatever"})
    assert len(collected(base, "src_blog").migrations) == 1


def test_what_is_no_migration_is_ignored_in_folders_below(base: Path) -> None:
    folder = app_folder(base, "src_blog", {FIRST: SQL})
    for name in ("_old/x.sql", "old/_x.sql", "old/_older/x.sql", "__pycache__/x.sql", "old.sql/x.py", "a/b/x.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("whatever")
    assert len(collected(base, "src_blog").migrations) == 1


@pytest.mark.parametrize("name", ["2024/20240101000002_x.sql", "old.sql/x.sql", "a/b/.sql", ".git/x.sql"])
def test_sql_in_a_folder_below_is_an_error(name: str, base: Path) -> None:
    folder = app_folder(base, "src_blog", {FIRST: SQL})
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text(SQL)
    with pytest.raises(BuildError) as caught:
        collected(base, "src_blog")
    assert str(caught.value).splitlines() == [
        f"src_blog/sql_migrations/{name}: it is in a folder below src_blog/sql_migrations, where no migration is read",
        "Move it to src_blog/sql_migrations, or rename its folder: one whose name starts with '_' is ignored.",
    ]


def test_links_to_folders_are_followed_once(base: Path) -> None:
    """A folder that is linked into a source would be forgotten too; one that links to itself has no end."""
    folder = app_folder(base, "src_blog", {FIRST: SQL})
    (base / "shared").mkdir()
    (base / "shared/20240101000002_x.sql").write_text(SQL)
    (base / "shared/again").symlink_to(base / "shared")
    (folder / "linked").symlink_to(base / "shared")
    (folder / "itself").symlink_to(folder)
    with pytest.raises(BuildError) as caught:
        collected(base, "src_blog")
    assert [str(one).partition(": ")[0] for one in caught.value.errors] == [
        "src_blog/sql_migrations/linked/20240101000002_x.sql"
    ]


def test_an_app_without_a_source_folder_has_no_migrations(base: Path) -> None:
    app_folder(base, "src_blog").rmdir()
    app_folder(base, "src_shop").rmdir()
    (base / "src_shop/sql_migrations").write_text("a file")
    assert collected(base, "src_blog", "src_shop", "django.contrib.contenttypes") == Sources(())


def test_the_source_folder_has_the_name_that_is_set(base: Path) -> None:
    folder = app_folder(base, "src_blog", {FIRST: SQL})
    folder.rename(folder.with_name("sql"))
    with installed("src_blog", path=base, BASE_DIR=base, MEDUSA_MIGRATIONS={"SOURCE_DIR": "sql"}):
        assert source_folder(apps.get_app_config("src_blog")) == base / "src_blog/sql"
        assert [file.cited for file in source_files()] == [f"src_blog/sql/{FIRST}"]


def test_a_link_to_a_file_is_read_as_the_file(base: Path) -> None:
    folder = app_folder(base, "src_blog")
    (base / "elsewhere.sql").write_text(SQL)
    (folder / FIRST).symlink_to(base / "elsewhere.sql")
    assert len(collected(base, "src_blog").migrations) == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("init.sql", SQL, "<timestamp>_<slug>"),
        (".sql", SQL, "<timestamp>_<slug>"),
        ("0001_initial.sql", SQL, "<timestamp>_<slug>"),
        ("20240230000000_x.sql", SQL, "20240230000000"),
        ("20240101000002_über.sql", SQL, "<timestamp>_<slug>"),
        ("20240101000002 x.sql", SQL, "<timestamp>_<slug>"),
        ("20240101000002_x.up.sql\n.sql", SQL, "<timestamp>_<slug>"),
        ("20240101000002_" + "x" * (NAME_LENGTH - 14) + ".sql", SQL, f"{NAME_LENGTH + 1} characters"),
        ("helpers.py", "", "<timestamp>_<slug>"),
        ("20240101000002_x.py", "def up(): pass", "does not take one argument"),
        ("20240101000002_x.sql", "SELECT 1;", "-- migrate:up"),
        ("20240101000002_x.sql", b"-- migrate:up\nSELECT '\xff';\n", "UTF-8 (line 2"),
        ("20240101000002_x.sql", SQL.encode("utf-16"), "UTF-16"),
        ("20240101000002_x.sql", b"-- migrate:up\nSELECT '\0';\n", "NUL"),
        ("20240101000002_x.sql", "", "-- migrate:up"),
    ],
)
def test_what_must_be_a_migration_and_is_none_is_told_by_its_path(
    name: str, content: str | bytes, words: str, base: Path
) -> None:
    app_folder(base, "src_blog", {FIRST: SQL, name: content})
    error = refusal(base, "src_blog")
    assert len(error.errors) == 1
    assert str(error).startswith(f"src_blog/sql_migrations/{name}:")
    assert words in str(error)
    assert str(base) not in str(error)


def test_a_link_to_nowhere_is_told(base: Path) -> None:
    (app_folder(base, "src_blog") / FIRST).symlink_to("nowhere")
    assert f"src_blog/sql_migrations/{FIRST}: cannot be read: No such file" in str(refusal(base, "src_blog"))


def test_all_that_is_wrong_is_told_at_once(base: Path) -> None:
    app_folder(
        base, "src_blog", {FIRST: SQL, "bad.sql": SQL, "20240101000002_x.sql": "SELECT 1;", "20240101000003_x.py": ""}
    )
    app_folder(base, "src_shop", {"20240101000004_x.sql": b"\xff", "_fine.sql": b"\xff"})
    error = refusal(base, "src_blog", "src_shop")
    assert len(error.errors) == 4
    assert str(error).startswith("4 problems in the migration files:\n")
    for name in (
        "src_blog/sql_migrations/bad.sql",
        "20240101000002_x.sql",
        "20240101000003_x.py",
        "src_shop/sql_migrations/20240101000004_x.sql",
    ):
        assert name in str(error)


def test_one_id_in_two_files_is_told_with_both(base: Path) -> None:
    app_folder(base, "src_blog", {FIRST: SQL, "20240101000001_first.py": "def up(schema): pass\n"})
    message = str(refusal(base, "src_blog"))
    assert "20240101000001_first.py" in message


def test_the_same_name_in_two_apps_is_no_clash(base: Path) -> None:
    app_folder(base, "src_blog", {FIRST: SQL})
    app_folder(base, "src_shop", {FIRST: SQL})
    assert [str(one.id) for one in collected(base, "src_blog", "src_shop").migrations] == [
        "src_blog.20240101000001_first",
        "src_shop.20240101000001_first",
    ]


def test_a_folder_that_cannot_be_read_is_told_among_the_rest() -> None:
    with open_folder() as base:
        folder = app_folder(base, "src_blog", {FIRST: SQL})
        app_folder(base, "src_shop", {"bad.sql": SQL})
        folder.chmod(0)
        with (
            installed("src_blog", "src_shop", path=base, BASE_DIR=base, MEDUSA_MIGRATIONS={}),
            without_privileges(),
            pytest.raises(BuildError) as caught,
        ):
            collect()
        folder.chmod(0o755)
        assert len(caught.value.errors) == 2
        assert "src_blog/sql_migrations: cannot read the folder: Permission denied" in str(caught.value)
        assert "src_shop/sql_migrations/bad.sql" in str(caught.value)


def test_a_file_that_cannot_be_read_is_told() -> None:
    with open_folder() as base:
        folder = app_folder(base, "src_blog", {FIRST: SQL, "20240101000002_x.sql": "x"})
        (folder / FIRST).chmod(0)
        with (
            installed("src_blog", path=base, BASE_DIR=base, MEDUSA_MIGRATIONS={}),
            without_privileges(),
            pytest.raises(BuildError) as caught,
        ):
            collect()
        assert f"src_blog/sql_migrations/{FIRST}: cannot be read: Permission denied" in str(caught.value)
        assert len(caught.value.errors) == 2


# ---------------------------------------------------------------------------------------------------- cited paths


def cited(base: Path, *names: str, path: tuple[Path, ...] = ()) -> list[str]:
    return [one.source for one in collected(base, *names, path=path).migrations]


def test_the_projects_apps_are_cited_below_base_dir(base: Path) -> None:
    app_folder(base / "apps", "src_blog", {FIRST: SQL})
    assert cited(base, "src_blog", path=(base / "apps",)) == [f"apps/src_blog/sql_migrations/{FIRST}"]


def test_a_plugin_is_cited_by_its_dotted_name(base: Path, tmp_path: Path) -> None:
    app_folder(tmp_path / "elsewhere", "src_plugin.shop", {FIRST: SQL})
    assert cited(base, "src_plugin.shop", path=(tmp_path / "elsewhere",)) == [f"src_plugin/shop/sql_migrations/{FIRST}"]


def test_a_plugin_in_an_environment_inside_the_project_is_cited_by_its_dotted_name(base: Path) -> None:
    site = base / ".venv/lib/python3.11/site-packages"
    app_folder(site, "src_plugin", {FIRST: SQL})
    assert cited(base, "src_plugin", path=(site,)) == [f"src_plugin/sql_migrations/{FIRST}"]


def test_without_base_dir_every_app_is_cited_by_its_dotted_name(base: Path) -> None:
    app_folder(base, "src_blog", {FIRST: SQL})
    with installed("src_blog", path=base, BASE_DIR=None, MEDUSA_MIGRATIONS={"DIST_DIR": "/dist"}):
        assert [one.source for one in collect().migrations] == [f"src_blog/sql_migrations/{FIRST}"]


def test_a_project_reached_through_a_link_is_cited_the_same(base: Path, tmp_path: Path) -> None:
    """The manifest must not depend on the way that somebody came to the folder."""
    app_folder(base / "apps", "src_blog", {FIRST: SQL})
    (tmp_path / "link").symlink_to(base)
    for given in (base, tmp_path / "link"):
        for path in (base, tmp_path / "link"):
            assert cited(given, "src_blog", path=(path / "apps",)) == [f"apps/src_blog/sql_migrations/{FIRST}"]


@pytest.mark.parametrize(
    ("folder", "package"),
    [
        ("project", False),
        ("project/apps", False),
        ("elsewhere", True),
        ("project-plugins", True),
        ("project/.venv/lib/python3.12/site-packages", True),
        ("project/debian/dist-packages", True),
    ],
)
def test_what_counts_as_installed_from_a_package(folder: str, package: bool, base: Path) -> None:
    app_folder(base.parent / folder, "src_blog")
    with installed("src_blog", path=base.parent / folder, BASE_DIR=base):
        assert is_installed_package(apps.get_app_config("src_blog")) is package


def test_djangos_own_apps_are_installed_packages() -> None:
    assert is_installed_package(apps.get_app_config("auth"))


# ---------------------------------------------------------------------------------------------------- incremental


def test_a_known_file_is_not_parsed_again(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app_folder(base, "src_blog", {FIRST: SQL, "20240101000002_b.sql": SQL})
    first = collected(base, "src_blog")
    known = {one.id: one for one in first.migrations}

    def parse(text: str, path: str) -> sqlfile.ParsedFile:
        raise AssertionError(path)

    monkeypatch.setattr(sqlfile, "parse", parse)
    assert collected(base, "src_blog", known=known) == first


def test_a_known_file_that_changed_is_parsed_again(base: Path) -> None:
    folder = app_folder(base, "src_blog", {FIRST: SQL})
    known = {one.id: one for one in collected(base, "src_blog").migrations}
    (folder / FIRST).write_text(SQL.replace("1", "5"))
    (one,) = collected(base, "src_blog", known=known).migrations
    assert one.checksum == checksum("SELECT 5;")


def test_a_known_file_that_moved_has_the_path_of_today(base: Path) -> None:
    app_folder(base / "a", "src_blog", {FIRST: SQL})
    known = {one.id: one for one in collected(base, "src_blog", path=(base / "a",)).migrations}
    (base / "a").rename(base / "b")
    (one,) = collected(base, "src_blog", path=(base / "b",), known=known).migrations
    assert one.source == f"b/src_blog/sql_migrations/{FIRST}"
    assert Path(one.file).exists()


def test_a_known_file_of_a_name_that_is_bad_today_is_still_refused(base: Path) -> None:
    folder = app_folder(base, "src_blog", {FIRST: SQL})
    known = {one.id: one for one in collected(base, "src_blog").migrations}
    (folder / FIRST).rename(folder / "first.sql")
    with pytest.raises(BuildError):
        collected(base, "src_blog", known=known)


def test_wrong_settings_are_told_before_any_file(base: Path) -> None:
    app_folder(base, "src_blog", {"bad.sql": SQL})
    with (
        installed("src_blog", path=base, BASE_DIR=base, MEDUSA_MIGRATIONS={"SOURCEDIR": "x"}),
        pytest.raises(SettingsError, match="SOURCE_DIR"),
    ):
        collect()
