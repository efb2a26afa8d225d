"""migrations_sql: what a pull request will run, without a database."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.support.projects import Project, Server
from tests.support.repositories import begin, commit, git

NOWHERE = {"TEST_DATABASE": json.dumps({"ENGINE": "django.db.backends.postgresql", "HOST": "nowhere.invalid"})}


@pytest.fixture(scope="session")
def first_repository(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("repository"), server, "nowhere")
    project.table(2)
    project.table(5)
    begin(project.folder)
    return project


@pytest.fixture
def repository(first_repository: Project, tmp_path: Path) -> Project:
    """A project whose branch `main` has two migrations, with the branch `work` checked out. No database answers."""
    folder = tmp_path / "project"
    shutil.copytree(first_repository.folder, folder)
    return Project(folder, first_repository.server, first_repository.database, env={**NOWHERE})


def reviewed(project: Project, *arguments: str) -> list[dict[str, object]]:
    found = project.manage("migrations_sql", *arguments, "--format", "json").ok().json
    migrations: list[dict[str, object]] = found["migrations"]
    return migrations


def test_new_files_are_shown_whether_they_are_committed_or_not(repository: Project) -> None:
    committed = repository.table(7)
    commit(repository.folder)
    staged, untracked = repository.table(8), repository.table(9)
    git(repository.folder, "add", f"blog/sql_migrations/{staged.partition('.')[2]}.sql")
    found = reviewed(repository, "--changed-since", "main")
    assert [(one["id"], one["change"], one["late"]) for one in found] == [
        (id_, "new", False) for id_ in (committed, staged, untracked)
    ]
    assert found[0]["sql"] == "CREATE TABLE t7 (id int);\n"


def test_what_the_ref_got_meanwhile_is_not_this_branchs_work(repository: Project) -> None:
    git(repository.folder, "switch", "-q", "main")
    repository.table(6)
    commit(repository.folder)
    git(repository.folder, "switch", "-q", "work")
    assert reviewed(repository, "--changed-since", "main") == []
    early, late = repository.table(7), repository.table(4)
    shown = {one["id"]: one["late"] for one in reviewed(repository, "--changed-since", "main")}
    assert shown == {late: True, early: False}


def test_one_is_late_also_for_what_only_the_ref_has(repository: Project) -> None:
    git(repository.folder, "switch", "-q", "main")
    repository.table(8)
    commit(repository.folder)
    git(repository.folder, "switch", "-q", "work")
    repository.table(7)
    assert [one["late"] for one in reviewed(repository, "--changed-since", "main")] == [True]


def test_changed_and_removed_files_are_told(repository: Project) -> None:
    repository.write("blog.20240101000002_t2", "CREATE TABLE other (id int);", "DROP TABLE other;")
    (repository.folder / "blog/sql_migrations/20240101000005_t5.sql").unlink()
    document = repository.manage("migrations_sql", "--changed-since", "main", "--format", "json").ok().json
    assert [(one["change"], one["late"]) for one in document["migrations"]] == [("changed", False)]
    assert document["removed"] == ["blog/sql_migrations/20240101000005_t5.sql"]


def test_a_project_in_a_folder_of_the_repository_and_names_beyond_ascii(repository: Project, tmp_path: Path) -> None:
    outer = tmp_path / "ganz außen"
    outer.mkdir()
    repository.folder.rename(outer / "project")
    repository.folder = outer / "project"
    (repository.folder / ".git").rename(outer / ".git")
    commit(outer)
    git(outer, "branch", "-f", "main")
    (outer / "é.sql").write_text("-- no migration")
    id_ = repository.table(9)
    assert [one["id"] for one in reviewed(repository, "--changed-since", "main")] == [id_]


def test_what_is_dropped_irreversible_late_and_without_a_transaction_stands_above_the_sql(repository: Project) -> None:
    repository.write(
        "blog.20240101000001_late",
        "DROP TABLE t9;\nALTER TABLE t5 DROP COLUMN x;\nDROP INDEX CONCURRENTLY i;",
        None,
        option=" transaction:false",
    )
    said = repository.manage("migrations_sql", "--changed-since", "main").ok().stdout
    assert said == (
        "-- blog.20240101000001_late (up)\n"
        "-- blog/sql_migrations/20240101000001_late.sql: new since main, late: others that are newer may be applied "
        "already, without a transaction, irreversible\n"
        "-- loses table t9, column t5.x\n"
        "-- drops index i\n"
        "DROP TABLE t9;\nALTER TABLE t5 DROP COLUMN x;\nDROP INDEX CONCURRENTLY i;\n"
    )


def test_named_ones_come_in_their_order_and_down_parts_the_other_way_round(repository: Project) -> None:
    first, second = "blog.20240101000002_t2", "blog.20240101000005_t5"
    assert [one["id"] for one in reviewed(repository, second, first)] == [first, second]
    assert [one["id"] for one in reviewed(repository)] == [first, second]
    down = reviewed(repository, "--down")
    assert [(one["id"], one["loses"]) for one in down] == [(second, ["table t5"]), (first, ["table t2"])]


def test_a_migration_in_python_tells_its_calls(repository: Project) -> None:
    (repository.folder / "blog/sql_migrations/20240101000009_p.py").write_text(
        "def up(schema):\n"
        "    schema.drop_column('t2', 'id')\n"
        "    schema.query('TRUNCATE t5')\n"
        "    schema.drop_index('t5', 'i')\n"
    )
    (found,) = reviewed(repository, "--changed-since", "main")
    assert found["loses"] == ["column t2.id", "all rows of t5"]
    assert found["drops"] == ["column t2.id", "all rows of t5", "index t5.i"]
    assert found["calls"]
    said = repository.manage("migrations_sql", "--changed-since", "main").ok().stdout
    assert "-- calls drop_column t2.id\n" in said
    assert "def up" not in said


class TestErrorsAreInWords:
    def test_no_repository(self, project: Project) -> None:
        project.env |= NOWHERE | {"GIT_CEILING_DIRECTORIES": str(project.folder.parent)}
        error = project.manage("migrations_sql", "--changed-since", "main").error()
        assert "is in no git repository" in error
        assert "name the migrations by their ids" in error

    @pytest.mark.parametrize("ref", ["nowhere", "--output=/tmp/x", "main:manage.py", ""])
    def test_an_unknown_ref(self, repository: Project, ref: str) -> None:
        assert f"There is no commit {ref!r}" in repository.manage("migrations_sql", f"--changed-since={ref}").error()

    def test_a_shallow_clone(self, repository: Project, tmp_path: Path) -> None:
        git(repository.folder, "switch", "-q", "main")
        repository.table(6)
        commit(repository.folder)
        git(repository.folder, "switch", "-q", "work")
        repository.table(7)
        commit(repository.folder)
        shallow = tmp_path / "shallow"
        git(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", f"file://{repository.folder}", str(shallow))
        repository.folder = shallow
        error = repository.manage("migrations_sql", "--changed-since", "origin/main").error()
        assert "This clone is shallow" in error
        assert "fetch-depth: 0" in error
        error = repository.manage("migrations_sql", "--changed-since", "main~1").error()
        assert "fetch-depth: 0" in error

    def test_no_commit_in_common(self, repository: Project) -> None:
        git(repository.folder, "switch", "-q", "--orphan", "lone")
        git(repository.folder, "checkout", "main", "--", ".")
        assert "no commit yet" in repository.manage("migrations_sql", "--changed-since", "main").error()
        commit(repository.folder, "another beginning")
        assert "no commit in common" in repository.manage("migrations_sql", "--changed-since", "main").error()

    def test_no_git(self, repository: Project, tmp_path: Path) -> None:
        error = repository.manage("migrations_sql", "--changed-since", "main", env={"PATH": str(tmp_path)}).error()
        assert "git cannot be run" in error

    def test_an_unknown_id(self, repository: Project) -> None:
        error = repository.manage("migrations_sql", "blog.20240101000002_t3").error()
        assert "Did you mean 'blog.20240101000002_t2'?" in error

    def test_json_has_the_error_too(self, repository: Project) -> None:
        done = repository.manage("migrations_sql", "nothing", "--format", "json")
        assert done.code == 1
        assert "There is no migration 'nothing'" in done.json["error"]["message"]


def test_markdown_for_a_pull_request(repository: Project) -> None:
    repository.write("blog.20240101000007_b", "SELECT '```</details><!--';\nALTER TABLE \"a|`<b>_x\" DROP c;", None)
    said = repository.manage("migrations_sql", "--changed-since", "main", "--format", "markdown").ok().stdout
    assert said.startswith("<!-- medusa_migrations review -->\n### SQL migrations: 1 to review")
    assert "| migration | parts | what is lost | remarks |" in said
    (row,) = re.findall(r"^\| <code>.*$", said, re.M)
    assert row.count("|") == 5
    assert "&#96;" in row
    assert "&#60;b&#62;" in row
    assert "irreversible" in row
    assert "````sql\nSELECT '```</details><!--';\n" in said
    assert said.count("\n</details>") == said.count("<details><summary>") == 1


def test_markdown_that_is_too_long_names_what_is_left_out(repository: Project) -> None:
    repository.write("blog.20240101000007_long", f"SELECT '{'x' * 70_000}';")
    for hour in range(24 * 17):
        repository.write(
            f"blog.202402{hour // 24 + 1:02}{hour % 24:02}0000_a_name_of_forty_letters_and_then_some", "SELECT 1;"
        )
    said = repository.manage("migrations_sql", "--changed-since", "main", "--format", "markdown").ok().stdout
    assert len(said) < 65_536
    assert "is too long for a comment: see `migrations_sql`" in said
    assert "more migrations: see `migrations_sql`" in said


def test_nothing_is_said_in_a_comment(repository: Project) -> None:
    assert repository.manage("migrations_sql", "--changed-since", "main").ok().stdout == "-- No migrations.\n"


def test_markdown_of_nothing_replaces_what_was_said_before(repository: Project) -> None:
    said = repository.manage("migrations_sql", "--changed-since", "main", "--format", "markdown").ok().stdout
    assert said == "<!-- medusa_migrations review -->\n### SQL migrations\n\nNone is new or changed.\n"
