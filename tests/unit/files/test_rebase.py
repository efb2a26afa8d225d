"""New timestamps for the migrations of one side of a merge: which, in real repositories, and what is refused."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.apps import apps
from django.test import override_settings

from medusa_migrations.errors import MigrationError
from medusa_migrations.files import rebase as module
from medusa_migrations.files.linear import FILE
from medusa_migrations.files.rebase import Rebased, new_names, paired, rebase
from medusa_migrations.migration import MigrationId, whole_checksum
from tests.support.builders import app_folder, files_below, installed, mid
from tests.support.repositories import begin, commit, git

NOW = datetime(2025, 6, 1, 12, 0, 0, tzinfo=UTC)
FIRST, MINE, THEIRS, LATER = (f"2024010100000{number}_{word}" for number, word in enumerate(("a", "b", "c", "d"), 1))
NEW = "20250601120000_b"


def ids(*texts: str) -> list[MigrationId]:
    return [mid(text) for text in texts]


class TestNewNames:
    def test_are_given_to_all_in_their_order_where_one_is_late(self) -> None:
        found = new_names(ids("blog.4_d", "blog.2_b"), ids("blog.1", "shop.3"), ids("blog.1", "shop.3"), NOW)
        assert [(old.name[14:], new.name) for old, new in found.items()] == [
            ("_b", "20250601120000_b"),
            ("_d", "20250601120001_d"),
        ]

    def test_come_after_one_that_is_ahead_of_the_clock_and_keep_the_rest_of_the_name(self) -> None:
        old, ahead = MigrationId("blog", "20240101000000-a.b_c"), MigrationId("shop", "20300101000000_x")
        assert new_names([old], [ahead], ids("blog.1"), NOW) == {old: MigrationId("blog", "20300101000001-a.b_c")}

    @pytest.mark.parametrize(("mine", "is_late"), [("blog.3", False), ("blog.2", True), ("blog.1", True)])
    def test_are_needed_unless_all_come_after_the_newest_that_stays(self, mine: str, is_late: bool) -> None:
        assert bool(new_names(ids(mine, "blog.9"), ids("shop.2"), ids("shop.2"), NOW)) is is_late

    def test_nothing_has_none(self) -> None:
        assert new_names([], ids("blog.1"), ids("blog.1"), NOW) == {}


def test_what_was_renamed_is_known_by_the_rest_of_its_name_and_its_order() -> None:
    gone = ids("blog.1_alter", "blog.2_alter", "blog.3_gone", "blog.4_two", "shop.5_other")
    new = ids("blog.12_alter", "blog.11_alter", "blog.13_new", "blog.14_two", "blog.15_two")
    assert paired(gone, new) == dict(
        zip(ids("blog.1_alter", "blog.2_alter"), ids("blog.11_alter", "blog.12_alter"), strict=True)
    )


class Clock(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:
        return NOW


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that each test has a copy of."""
    folder = tmp_path_factory.mktemp("rebase") / "project"
    app_folder(folder, "re_blog")
    app_folder(folder, "re_shop")
    add(folder, FIRST)
    begin(folder)
    add(folder, MINE)
    commit(folder)
    git(folder, "switch", "-q", "main")
    add(folder, THEIRS)
    commit(folder)
    git(folder, "switch", "-q", "work")
    return folder


@pytest.fixture
def repository(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """FIRST and THEIRS on `main`, FIRST and MINE on `work`, which is checked out; the apps `re_blog` and `re_shop`.

    LINEAR is off, so that nothing conflicts, and it is NOW.
    """
    monkeypatch.setattr(module, "datetime", Clock)
    folder = tmp_path.resolve() / "project"
    shutil.copytree(template, folder, ignore=shutil.ignore_patterns("*.sample"))
    monkeypatch.chdir(folder)
    with installed("re_blog", "re_shop", path=folder, BASE_DIR=folder, MEDUSA_MIGRATIONS={}):
        yield folder


def add(folder: Path, name: str, app: str = "re_blog", depends: str = "", up: str = "") -> Path:
    header = f"-- migrate:depends {depends}\n" if depends else ""
    path = folder / app / "sql_migrations" / f"{name}.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{header}-- migrate:up\nSELECT '{up or name}';\n-- migrate:down\n")
    return path


@contextlib.contextmanager
def moved_to(folder: Path) -> Iterator[None]:
    """The project is another checkout of it."""
    with pytest.MonkeyPatch.context() as patch, override_settings(BASE_DIR=folder):
        for label in ("re_blog", "re_shop"):
            patch.setattr(apps.get_app_config(label), "path", str(folder / label))
        yield


def names(folder: Path, app: str = "re_blog") -> list[str]:
    return sorted(path.stem for path in (folder / app / "sql_migrations").glob("2*"))


def pairs(done: Rebased) -> dict[str, str]:
    return {old.name: new.name for old, new in done.renamed.items()}


def refusal(folder: Path, onto: str | None = None, app: str = "re_blog") -> str:
    """Why nothing was done."""
    before = files_below(folder)
    with pytest.raises(MigrationError) as caught:
        rebase(app, onto)
    assert {path: data for path, data in files_below(folder).items() if "/index" not in path} == {
        path: data for path, data in before.items() if "/index" not in path
    }
    return str(caught.value)


class TestTheSideThatStays:
    def test_is_the_one_that_is_being_merged(self, repository: Path) -> None:
        git(repository, "merge", "-q", "--no-commit", "main")
        done = rebase("re_blog")
        assert pairs(done) == {MINE: NEW}
        assert done.then == "git commit"
        assert names(repository) == [FIRST, THEIRS, NEW]

    def test_is_the_one_that_was_merged_last(self, repository: Path) -> None:
        git(repository, "merge", "-q", "main")
        assert pairs(rebase("re_blog")) == {MINE: NEW}

    def test_is_in_a_rebase_what_the_branch_is_put_on(self, repository: Path) -> None:
        git(repository, "rebase", "-q", "main", "--exec", "false", check=False)
        git(repository, "reset", "-q", "--soft", "HEAD~1")
        done = rebase("re_blog")
        assert pairs(done) == {MINE: NEW}
        assert done.then == "git rebase --continue"

    def test_is_in_a_cherry_pick_what_is_checked_out(self, repository: Path) -> None:
        git(repository, "switch", "-q", "main")
        (repository / "note").write_text("main")
        commit(repository)
        git(repository, "switch", "-q", "work")
        (repository / "note").write_text("work")
        git(repository, "add", "-A")
        git(repository, "commit", "-q", "--amend", "-m", "mine")
        git(repository, "switch", "-q", "main")
        git(repository, "cherry-pick", "work", check=False)
        done = rebase("re_blog")
        assert pairs(done) == {MINE: NEW}
        assert done.then == "git cherry-pick --continue"

    def test_is_named_where_git_cannot_tell(self, repository: Path) -> None:
        git(repository, "rebase", "-q", "main")
        assert "--onto ID" in refusal(repository)
        assert pairs(rebase("re_blog", f"re_blog.{THEIRS}")) == {MINE: NEW}

    def test_is_named_by_one_that_was_renamed_in_a_merge(self, repository: Path) -> None:
        git(repository, "switch", "-q", "-c", "third", "main~1")
        add(repository, LATER)
        commit(repository)
        git(repository, "switch", "-q", "work")
        git(repository, "merge", "-q", "--no-commit", "main")
        rebase("re_blog")
        commit(repository)
        git(repository, "switch", "-q", "third")
        git(repository, "rebase", "-q", "work")
        assert pairs(rebase("re_blog", f"re_blog.{NEW}")) == {LATER: "20250601120001_d"}

    def test_is_in_a_worktree_the_one_of_its_own_merge(self, repository: Path, tmp_path: Path) -> None:
        git(repository, "switch", "-q", "main")
        tree = tmp_path.resolve() / "tree"
        git(repository, "worktree", "add", "-q", str(tree), "work")
        git(tree, "merge", "-q", "--no-commit", "main")
        assert "--onto ID" in refusal(repository)
        with moved_to(tree):
            assert pairs(rebase("re_blog")) == {MINE: NEW}
        assert names(tree) == [FIRST, THEIRS, NEW]

    def test_is_in_a_submodule_its_own_and_what_depends_on_it_outside_is_mended(
        self, repository: Path, tmp_path: Path
    ) -> None:
        outer = tmp_path.resolve() / "outer"
        app_folder(outer, "re_shop")
        other = add(outer, LATER, "re_shop", depends=f"re_blog.{MINE}")
        begin(outer)
        git(repository, "merge", "-q", "main")
        git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository), "sub")
        git(outer / "sub", "remote", "set-head", "origin", "--delete")  # of another branch than this one
        commit(outer)
        with pytest.MonkeyPatch.context() as patch, override_settings(BASE_DIR=outer):
            patch.setattr(apps.get_app_config("re_blog"), "path", str(outer / "sub/re_blog"))
            patch.setattr(apps.get_app_config("re_shop"), "path", str(outer / "re_shop"))
            other.write_text(other.read_text() + "-- more\n")
            assert f"{other} has changes that are not committed" in refusal(outer)
            git(outer, "checkout", "-q", "--", ".")
            assert pairs(rebase("re_blog")) == {MINE: NEW}
        assert f"depends re_blog.{NEW}\n" in other.read_text()
        assert names(outer / "sub") == [FIRST, THEIRS, NEW]

    def test_has_what_others_begin_with_too(self, repository: Path, tmp_path: Path) -> None:
        """Of a branch that is merged back, on the branch that all clone, nothing that they have gets another name."""
        git(repository, "switch", "-q", "main")
        git(tmp_path, "clone", "-q", str(repository), str(clone := tmp_path.resolve() / "clone"))
        git(clone, "merge", "-q", "origin/work")
        with moved_to(clone):
            message = refusal(clone)
            assert f"brings re_blog.{MINE}, before re_blog.{THEIRS}, which is published" in message
            renaming, leaving = re.findall("--onto (.+)", message)
            assert rebase("re_blog", leaving).renamed == {}
            assert pairs(rebase("re_blog", renaming)) == {MINE: NEW}


def test_nothing_is_renamed_where_all_come_after_what_stays(repository: Path) -> None:
    git(repository, "mv", *(f"re_blog/sql_migrations/{name}.sql" for name in (MINE, LATER)))
    commit(repository)
    git(repository, "merge", "-q", "main")
    (repository / "re_blog/sql_migrations" / FILE).write_text("<<<<<<< HEAD\n")
    with override_settings(MEDUSA_MIGRATIONS={"LINEAR": True}):
        done = rebase("re_blog")
    assert done.renamed == {}
    assert done.edited == (repository / "re_blog/sql_migrations" / FILE,)
    assert done.edited[0].read_text() == f"{LATER}\n"


def test_a_newer_one_of_another_app_makes_it_late_too(repository: Path) -> None:
    git(repository, "switch", "-q", "main")
    add(repository, "20240101000009_x", "re_shop")
    commit(repository)
    git(repository, "switch", "-q", "work")
    git(repository, "mv", *(f"re_blog/sql_migrations/{name}.sql" for name in (MINE, LATER)))
    commit(repository)
    git(repository, "merge", "-q", "main")
    assert pairs(rebase("re_blog")) == {LATER: NEW.replace("_b", "_d")}


def test_what_depends_on_it_is_mended_in_all_apps_and_keeps_its_mode_and_line_ends(repository: Path) -> None:
    other = add(repository, LATER, "re_shop", depends=f"re_blog.{MINE}")
    other.write_bytes(other.read_bytes().replace(b"\n", b"\r\n"))
    other.chmod(0o755)
    own = add(repository, LATER, depends=f"re_blog.{MINE}")
    commit(repository)
    git(repository, "merge", "-q", "main")
    before = other.read_bytes()
    done = rebase("re_blog")
    assert pairs(done) == {MINE: NEW, LATER: "20250601120001_d"}
    assert other.read_bytes() == before.replace(MINE.encode(), NEW.encode())
    assert other.stat().st_mode & 0o777 == 0o755
    renamed = own.with_name("20250601120001_d.sql")
    assert f"-- migrate:depends re_blog.{NEW}\n" in renamed.read_text()
    assert set(done.edited) == {other, renamed}


def test_at_the_next_stop_of_a_rebase_the_names_of_the_stop_before_are_known(repository: Path) -> None:
    add(repository, LATER, depends=f"re_blog.{MINE}")
    line = repository / "re_blog/sql_migrations" / FILE
    for branch, name in (("main", THEIRS), ("work", MINE)):
        git(repository, "switch", "-q", branch)
        git(repository, "stash", "-q", "-u") if branch == "main" else None
        line.write_text(f"{name}\n")
        git(repository, "add", "-A")
        git(repository, "commit", "-q", "--amend", "-m", name)
    git(repository, "stash", "pop", "-q")
    line.write_text(f"{LATER}\n")
    commit(repository)
    with override_settings(MEDUSA_MIGRATIONS={"LINEAR": True}):
        git(repository, "rebase", "main", check=False)
        assert pairs(rebase("re_blog")) == {MINE: NEW}
        git(repository, "add", "-A")
        git(repository, "-c", "core.editor=true", "rebase", "--continue", check=False)
        done = rebase("re_blog")
    last = repository / "re_blog/sql_migrations/20250601120001_d.sql"
    assert pairs(done) == {LATER: last.stem}
    assert f"-- migrate:depends re_blog.{NEW}\n" in last.read_text()
    assert set(done.edited) == {last, line}
    git(repository, "add", "-A")
    git(repository, "-c", "core.editor=true", "rebase", "--continue")
    assert git(repository, "status", "--porcelain") == ""


def test_of_python_files_that_depend_on_it_the_checksums_are_given(repository: Path) -> None:
    before = f"depends = ['re_blog.{MINE}']\n\ndef up(schema): pass\n"
    (repository / "re_blog/sql_migrations" / f"{LATER}.py").write_text(before)
    add(repository, LATER, "re_shop", depends=f"re_blog.{MINE}")
    commit(repository)
    git(repository, "merge", "-q", "main")
    texts = (whole_checksum(before), whole_checksum(before.replace(MINE, NEW)))
    expected = {MigrationId("re_blog", "20250601120001_d"): texts}
    assert rebase("re_blog").checksums == expected
    assert rebase("re_blog").checksums == expected


@pytest.mark.parametrize("done_so_far", ["one name", "all names", "all but the last text", "everything"])
def test_what_was_cut_off_goes_on(repository: Path, done_so_far: str) -> None:
    add(repository, LATER, depends=f"re_blog.{MINE}")
    other = add(repository, LATER, "re_shop", depends=f"re_blog.{MINE}")
    commit(repository)
    git(repository, "merge", "-q", "main")
    folder, last = repository / "re_blog/sql_migrations", "20250601120001_d"
    (folder / f"{MINE}.sql").rename(folder / f"{NEW}.sql")
    if done_so_far != "one name":
        (folder / f"{LATER}.sql").rename(folder / f"{last}.sql")
    if done_so_far in ("all but the last text", "everything"):
        add(repository, last, depends=f"re_blog.{NEW}", up=LATER)
    if done_so_far == "everything":
        other.write_text(other.read_text().replace(MINE, NEW))
    assert pairs(rebase("re_blog")) == {MINE: NEW, LATER: last}
    assert names(repository) == [FIRST, THEIRS, NEW, last]
    assert f"depends re_blog.{NEW}\n" in other.read_text()
    assert f"depends re_blog.{NEW}\n" in (folder / f"{last}.sql").read_text()
    assert MINE not in other.read_text()


def test_a_setting_that_names_it_is_told(repository: Path) -> None:
    git(repository, "merge", "-q", "main")
    with override_settings(MEDUSA_MIGRATIONS={"VERIFY_AFTER": f"re_blog.{MINE}"}):
        assert f"['VERIFY_AFTER'] is re_blog.{MINE}, which is re_blog.{NEW} now" in rebase("re_blog").notes[0]


class TestRefusals:
    @pytest.mark.parametrize(
        ("spoil", "problem"),
        [
            (lambda folder: add(folder, MINE, up="changed"), f"{MINE}.sql has changes that are not committed"),
            (lambda folder: add(folder, LATER), f"{LATER}.sql is not in git"),
            (
                lambda folder: (folder / f"re_blog/sql_migrations/{MINE}.sql").rename(
                    folder / "re_blog/sql_migrations/20240101000001_b.sql"
                ),
                "20240101000001_b.sql is not in git",
            ),
            (
                lambda folder: (add(folder, LATER, "re_shop", f"re_blog.{MINE}"), git(folder, "add", "-A")),
                f"re_shop/sql_migrations/{LATER}.sql has changes that are not committed",
            ),
        ],
        ids=[
            "it is changed",
            "it is new",
            "it was renamed by hand, and is late",
            "what depends on it is staged, and no merge is under way",
        ],
    )
    def test_what_is_not_committed(self, repository: Path, spoil: object, problem: str) -> None:
        git(repository, "merge", "-q", "main")
        spoil(repository)  # type: ignore[operator]  # of the table
        message = refusal(repository)
        assert problem in message
        assert "Commit that first" in message

    def test_a_conflict_in_a_migration(self, repository: Path) -> None:
        add(repository, "20240101000009_x", "re_shop", depends=f"re_blog.{MINE}")
        commit(repository)
        git(repository, "switch", "-q", "main")
        add(repository, "20240101000009_x", "re_shop", up="theirs")
        commit(repository)
        git(repository, "switch", "-q", "work")
        git(repository, "merge", "main", check=False)
        assert "re_shop/sql_migrations/20240101000009_x.sql" in refusal(repository)

    def test_one_that_the_other_side_has_removed(self, repository: Path) -> None:
        git(repository, "switch", "-q", "main")
        git(repository, "rm", "-q", f"re_blog/sql_migrations/{FIRST}.sql")
        commit(repository)
        git(repository, "switch", "-q", "work")
        git(repository, "merge", "-q", "--no-commit", "main")
        git(repository, "checkout", "HEAD", "--", f"re_blog/sql_migrations/{FIRST}.sql")
        assert f"re_blog.{FIRST}: was there before the two sides parted" in refusal(repository)

    def test_one_that_the_other_side_has_under_another_name(self, repository: Path) -> None:
        git(repository, "switch", "-q", "main")
        add(repository, NEW, up=MINE)
        commit(repository)
        git(repository, "switch", "-q", "work")
        git(repository, "merge", "-q", "main")
        assert f"migrations_repair --renamed re_blog.{MINE}=re_blog.{NEW}" in refusal(repository)

    def test_an_octopus(self, repository: Path) -> None:
        git(repository, "branch", "-q", "third", "main~1")
        git(repository, "switch", "-q", "third")
        add(repository, LATER)
        commit(repository)
        git(repository, "switch", "-q", "work")
        git(repository, "merge", "-q", "main", "third")
        assert "no merge of two" in refusal(repository)
        git(repository, "reset", "-q", "--hard", "HEAD~1")
        git(repository, "merge", "-q", "--no-commit", "main", "third")
        assert "no merge of two branches" in refusal(repository)

    def test_a_shallow_clone(self, repository: Path, tmp_path: Path) -> None:
        git(repository, "merge", "-q", "main")
        shallow = tmp_path.resolve() / "shallow"
        git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", str(shallow))
        with moved_to(shallow):
            assert "--onto ID" in refusal(shallow)
            assert "git fetch --unshallow" in refusal(shallow, f"re_blog.{THEIRS}")

    @pytest.mark.parametrize(
        ("onto", "problem"),
        [
            ("nothing", "--onto takes the id of a migration"),
            ("blgo.20240101000003_c", "is of no app in the repository"),
            (f"re_blog.{LATER}", "No commit of what is checked out has added"),
            ("re_blog.20240101000002_bb", f"Did you mean 're_blog.{MINE}'?"),
        ],
    )
    def test_a_side_that_is_not_there(self, repository: Path, onto: str, problem: str) -> None:
        assert problem in refusal(repository, onto)

    def test_a_side_that_was_added_twice(self, repository: Path) -> None:
        git(repository, "cherry-pick", "main")
        git(repository, "merge", "-q", "main")
        assert "More than one commit has added" in refusal(repository, f"re_blog.{THEIRS}")

    def test_no_repository(self, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
        shutil.rmtree(repository / ".git")
        assert "is in no git repository" in refusal(repository)
        monkeypatch.setenv("PATH", "")
        assert "Install git" in refusal(repository)

    def test_a_branch_without_a_commit(self, repository: Path) -> None:
        git(repository, "switch", "-q", "--orphan", "new")
        app_folder(repository, "re_blog")
        assert "has no commit yet" in refusal(repository)

    def test_an_app_that_is_not_there(self, repository: Path) -> None:
        assert "Did you mean 're_blog'?" in refusal(repository, app="re_blgo")

    def test_python_that_cannot_be_mended(self, repository: Path) -> None:
        path = repository / "re_shop/sql_migrations" / f"{LATER}.py"
        path.write_text(f"depends = ['re_blog.' + '{MINE}']\n\ndef up(schema): pass\n")
        commit(repository)
        git(repository, "merge", "-q", "main")
        assert f"re_shop/sql_migrations/{LATER}.py:1: " in refusal(repository)

    def test_a_folder_that_cannot_be_written(self, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        git(repository, "merge", "-q", "main")

        def closed(self: Path, target: Path) -> Path:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "rename", closed)
        message = refusal(repository)
        assert f"Cannot use re_blog/sql_migrations/{MINE}.sql: Permission denied" in message
        assert "migrations_rebase re_blog again" in message
