"""A new migration file: its name, its timestamp, its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medusa_migrations.conf import shown_path
from medusa_migrations.errors import MigrationError
from medusa_migrations.files import make as module
from medusa_migrations.files import sqlfile
from medusa_migrations.files.make import make, next_timestamp, own_app, slug
from medusa_migrations.files.order import ahead_warning
from medusa_migrations.migration import NAME_LENGTH, TIMESTAMP_FORMAT, MigrationId, checksum, name_problem
from tests.support.builders import app_folder, installed, open_folder, without_privileges

NOW = datetime(2024, 6, 1, 12, 0, 0, tzinfo=UTC)


class Clock(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return NOW


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The source folder of the project's only app, `make_blog`; it is NOW."""
    monkeypatch.setattr(module, "datetime", Clock)
    folder = app_folder(tmp_path.resolve(), "make_blog")
    with installed("make_blog", path=tmp_path, BASE_DIR=tmp_path, MEDUSA_MIGRATIONS={}):
        yield folder


def refusal(*arguments: Any, **options: Any) -> str:
    with pytest.raises(MigrationError) as caught:
        make(*arguments, **options)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------------------- slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PostCreate", "post_create"),
        ("post_create", "post_create"),
        ("post create", "post_create"),
        ("  post   create ", "post_create"),
        ("post-create", "post_create"),
        ("postCreate", "post_create"),
        ("POST_CREATE", "post_create"),
        ("HTTPServer", "http_server"),
        ("addHTTPServer", "add_http_server"),
        ("AddURL", "add_url"),
        ("AddAColumn", "add_a_column"),
        ("Post2Create", "post2_create"),
        ("v2", "v2"),
        ("2", "2"),
        ("Ünïcödé", "unicode"),
        ("İstanbul", "istanbul"),
        ("Add_Über__Index", "add_uber_index"),
        ("../../etc", "etc"),
        ("/etc/passwd", "etc_passwd"),
        ("a.sql", "a_sql"),
        ("a\0b", "a_b"),
        ("a\nb", "a_b"),
        ("-- migrate:up", "migrate_up"),
        ("_draft", "draft"),
        ("ﬁne", "fine"),
    ],
)
def test_a_name_becomes_a_slug(name: str, expected: str) -> None:
    assert slug(name) == expected


@pytest.mark.parametrize("name", ["", "   ", "___", "../..", "…", "日本語", "🙂"])
def test_a_name_without_letters_is_refused(name: str) -> None:
    with pytest.raises(MigrationError, match="no Latin letters or digits"):
        slug(name)


@given(st.text())
def test_whatever_becomes_a_slug_is_a_good_name_and_stays_as_it_is(name: str) -> None:
    try:
        found = slug(name)
    except MigrationError:
        return
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", found)
    assert slug(found) == found
    if len(found) < 200:
        assert name_problem(f"20240101000000_{found}") is None


# -------------------------------------------------------------------------------------------------------- timestamp


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        ([], "20240601120000"),
        (["20240601115959"], "20240601120000"),
        (["20240601120000"], "20240601120001"),
        (["20240601120001"], "20240601120002"),
        (["20240601120059"], "20240601120100"),
        (["20240601125959"], "20240601130000"),
        (["20240601235959"], "20240602000000"),
        (["20240630235959"], "20240701000000"),
        (["20250228235959"], "20250301000000"),
        (["20280228235959"], "20280229000000"),
        (["20241231235959"], "20250101000000"),
        (["20990101000000", "20000101000000"], "20990101000001"),
    ],
)
def test_the_next_timestamp_is_now_or_a_second_after_the_latest(latest: list[str], expected: str) -> None:
    assert next_timestamp([MigrationId("blog", f"{one}_x") for one in latest], NOW) == expected


def test_there_is_no_timestamp_after_the_last_moment() -> None:
    with pytest.raises(MigrationError, match=r"blog\.99991231235959_x"):
        next_timestamp([MigrationId("blog", "99991231235959_x")], NOW)


@given(
    st.lists(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 58))), st.datetimes(datetime(1000, 1, 1))
)
def test_the_next_timestamp_is_after_all(there: list[datetime], now: datetime) -> None:
    ids = [MigrationId("blog", f"{one.strftime(TIMESTAMP_FORMAT)}_x") for one in there]
    found = next_timestamp(ids, now.replace(tzinfo=UTC))
    assert name_problem(f"{found}_x") is None
    assert all(id_.timestamp < found for id_ in ids)
    assert found >= now.strftime(TIMESTAMP_FORMAT)


@pytest.mark.parametrize(
    ("ahead", "warns"), [(timedelta(), False), (timedelta(days=1), False), (timedelta(days=1, seconds=1), True)]
)
def test_a_timestamp_more_than_a_day_ahead_is_warned_of(ahead: timedelta, warns: bool) -> None:
    id_ = MigrationId("blog", f"{(NOW + ahead).strftime(TIMESTAMP_FORMAT)}_x")
    warning = ahead_warning([MigrationId("blog", "20200101000000_x"), id_], NOW)
    assert (warning is not None) is warns
    if warning:
        assert str(id_) in warning


def test_nothing_is_not_ahead() -> None:
    assert ahead_warning([], NOW) is None


# ------------------------------------------------------------------------------------------------------------- make


def test_it_writes_an_empty_migration(app: Path) -> None:
    made = make("make_blog", "PostCreate")
    assert made.id == MigrationId("make_blog", "20240601120000_post_create")
    assert made.path == app / "20240601120000_post_create.sql"
    assert made.path.read_bytes() == made.text.encode() == sqlfile.TEMPLATE.encode()
    assert made.warnings == ()
    parsed = sqlfile.parse(made.text, "")
    assert parsed.down is not None
    assert parsed.checksum == checksum("")


def test_the_source_folder_is_made_where_it_is_missing(app: Path) -> None:
    app.rmdir()
    assert make("make_blog", "first").path.exists()


def test_two_in_one_second_sort_one_after_the_other(app: Path) -> None:
    assert [make("make_blog", "x").id.timestamp[-2:] for _ in range(3)] == ["00", "01", "02"]


@pytest.mark.parametrize("there", ["20240601120005_x.sql", "20240601120005-x.sql", "20240601120005_x.py"])
def test_it_sorts_after_everything_that_is_there(there: str, app: Path) -> None:
    (app / there).write_text("not even read")
    assert make("make_blog", "a").id.timestamp == "20240601120006"


@pytest.mark.parametrize(
    "there", ["_20250601120005_x.sql", "20250601120005_x.txt", "20259901120005_x.sql", "notes.sql"]
)
def test_what_is_no_migration_does_not_count(there: str, app: Path) -> None:
    (app / there).write_text("")
    assert make("make_blog", "a").id.timestamp == "20240601120000"


def test_dry_run_writes_nothing(app: Path) -> None:
    app.rmdir()
    made = make("make_blog", "first", dry_run=True)
    assert made.text == sqlfile.TEMPLATE
    assert made.path == app / "20240601120000_first.sql"
    assert not app.exists()


def test_a_timestamp_may_be_given(app: Path) -> None:
    assert make("make_blog", "leap", timestamp="20240229235959").path == app / "20240229235959_leap.sql"


@pytest.mark.parametrize(
    "timestamp", ["", "2024", "20230229000000", "20240101000060", "2024-01-01", "20240101000000_", "../20240101000000"]
)
def test_a_timestamp_that_is_no_moment_is_refused(timestamp: str, app: Path) -> None:
    assert f"{timestamp!r} is not a moment" in refusal("make_blog", "x", timestamp=timestamp)
    assert list(app.iterdir()) == []


def test_a_timestamp_before_others_is_warned_of(app: Path) -> None:
    make("make_blog", "b")
    made = make("make_blog", "a", timestamp="20240101000000")
    assert len(made.warnings) == 1
    assert "out of order" in made.warnings[0]


def test_a_timestamp_ahead_is_warned_of(app: Path) -> None:
    assert "more than a day ahead" in make("make_blog", "a", timestamp="20250101000000").warnings[0]
    assert "more than a day ahead" in make("make_blog", "b").warnings[0]


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("suffix", [".sql", ".py"])
def test_it_never_overwrites(suffix: str, dry_run: bool, app: Path) -> None:
    (app / f"20240101000000_x{suffix}").write_text("mine")
    message = refusal("make_blog", "x", timestamp="20240101000000", dry_run=dry_run)
    assert "there already" in message
    assert "--timestamp" in message
    assert (app / f"20240101000000_x{suffix}").read_text() == "mine"
    assert len(list(app.iterdir())) == 1


def test_what_appears_in_the_meantime_is_not_overwritten(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (app / "20240101000000_x.sql").write_text("mine")
    monkeypatch.setattr(module, "source_files", list)
    assert "there already" in refusal("make_blog", "x", timestamp="20240101000000")
    assert (app / "20240101000000_x.sql").read_text() == "mine"


@pytest.mark.parametrize("timestamp", [None, "20240101000000"])
def test_a_name_too_long_is_refused(timestamp: str | None, app: Path) -> None:
    make("make_blog", "x" * (NAME_LENGTH - 15), timestamp=timestamp)
    for length in (NAME_LENGTH - 14, 1000):
        assert f"at most {NAME_LENGTH}" in refusal("make_blog", "y" * length, timestamp=timestamp)
    assert len(list(app.iterdir())) == 1


@pytest.mark.parametrize("name", ["", "   ", "…"])
def test_a_name_without_letters_writes_nothing(name: str, app: Path) -> None:
    refusal("make_blog", name)
    assert list(app.iterdir()) == []


def test_a_name_cannot_leave_the_folder(app: Path) -> None:
    assert make("make_blog", "../../../etc/passwd").path.parent == app


# ------------------------------------------------------------------------------------------------------ whose app


@pytest.mark.parametrize("label", ["make_blgo", "makeblog", "Make_Blog"])
def test_an_unknown_app_gets_the_nearest(label: str, app: Path) -> None:
    message = refusal(label, "x")
    assert f"no app with the label {label!r}. Did you mean 'make_blog'?" in message


def test_an_app_like_no_other_may_not_be_installed(app: Path) -> None:
    message = "There is no app with the label 'zzz'. Correct it, or add its app to INSTALLED_APPS."
    assert refusal("zzz", "x") == message


def test_an_apps_dotted_name_is_answered_with_its_label(app: Path, tmp_path: Path) -> None:
    app_folder(tmp_path, "make_shop.orders")
    with installed("make_blog", "make_shop.orders", path=tmp_path):
        assert "Did you mean 'orders'?" in refusal("make_shop.orders", "x")
        assert own_app("orders").name == "make_shop.orders"


@pytest.mark.parametrize("place", ["../elsewhere", ".venv/lib/python3.11/site-packages"])
def test_an_installed_package_is_not_written_to(place: str, app: Path, tmp_path: Path) -> None:
    base = tmp_path / "project"
    folder = app_folder(base / place, "make_plugin")
    with installed("make_plugin", path=base / place, BASE_DIR=base):
        for dry_run in (True, False):
            message = refusal("make_plugin", "x", dry_run=dry_run)
            assert "'make_plugin' is installed from a package" in message
            assert "app of your own" in message
    assert list(folder.iterdir()) == []


def test_the_module_that_runs_the_migrations_is_not_written_to(app: Path, tmp_path: Path) -> None:
    with installed("django.contrib.auth", "django.contrib.contenttypes", path=tmp_path):
        assert "installed from a package" in refusal("auth", "x")


# --------------------------------------------------------------------------------------------- what cannot be written


def test_a_folder_that_may_not_be_written_is_told() -> None:
    with open_folder() as base:
        folder = app_folder(base, "make_blog")
        folder.chmod(0o555)
        with installed("make_blog", path=base, BASE_DIR=base, MEDUSA_MIGRATIONS={}), without_privileges():
            message = refusal("make_blog", "x")
            assert make("make_blog", "x", dry_run=True)
        assert f"Cannot write {folder}" in message
        assert "Permission denied" in message


def test_a_file_in_the_folders_place_is_told_as_such(app: Path) -> None:
    app.rmdir()
    app.write_text("a file")
    message = refusal("make_blog", "x")
    assert message.startswith(f"Cannot write {app}")
    assert app.read_text() == "a file"


def test_a_path_is_shown_from_the_current_folder_if_it_is_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    assert shown_path(here / "blog/x.sql") == "blog/x.sql"
    assert shown_path(here.parent / "x.sql") == str(here.parent / "x.sql")
