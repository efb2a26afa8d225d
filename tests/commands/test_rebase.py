"""migrations_rebase in a real repository: two branches add a migration each, and come together."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.projects import Outcome, Project
from tests.support.repositories import begin, commit, git

# The environment of git for what commits by itself.
COMMITTER = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.org",
    "GIT_EDITOR": "true",
}

FIRST, MINE, THEIRS = "blog.20240101000001_t1", "blog.20240101000002_t2", "blog.20240101000003_t3"
LATER = "blog.20240101000004_t4"
PYTHON = "shop.20240101000005_after"
LINE = "blog/sql_migrations/max_migration.txt"


def line(project: Project, *names: str) -> None:
    (project.folder / LINE).write_text("".join(f"{name}\n" for name in names))


def add(project: Project, id_: str, **options: str) -> None:
    """A migration with its table, named by the app's file."""
    table = id_.rpartition("_")[2]
    project.write(id_, f"CREATE TABLE {table} (id int);", f"DROP TABLE {table};", **options)
    if id_.startswith("blog."):
        line(project, id_.partition(".")[2])


def python_text(*depends: str) -> str:
    return (
        f'"""Comes after {MINE}."""\n\ndepends = {list(depends)!r}\n\n\n'
        "def up(schema):\n    schema.query('CREATE TABLE after ()')\n\n\n"
        "def down(schema):\n    schema.query('DROP TABLE after')\n"
    )


@pytest.fixture
def repository(project: Project) -> Project:
    """On `main` the migrations FIRST and THEIRS, on `work`, checked out, FIRST, MINE, and PYTHON, which needs MINE."""
    project.configure(LINEAR=["blog"])
    sources = project.add_app("shop")
    add(project, FIRST)
    begin(project.folder)
    add(project, MINE, header=f"-- Comes after {FIRST}.\n")
    (sources / f"{PYTHON.partition('.')[2]}.py").write_text(python_text("auth", MINE).replace("'auth', ", ""))
    commit(project.folder)
    git(project.folder, "switch", "-q", "main")
    add(project, THEIRS)
    commit(project.folder)
    git(project.folder, "switch", "-q", "work")
    return project


def stopped(project: Project, *arguments: str) -> None:
    """A command of git that ends in a conflict."""
    with pytest.raises(AssertionError, match="CONFLICT"):
        git(project.folder, *arguments)


def go_on(project: Project, *arguments: str) -> None:
    subprocess.run(
        ["git", *arguments], cwd=project.folder, check=True, capture_output=True, env=project.environment() | COMMITTER
    )


def renamed(outcome: Outcome) -> dict[str, str]:
    return {one["old"]: one["new"] for one in outcome.json["renamed"]}


@pytest.mark.parametrize("way", ["merge", "rebase"])
def test_two_branches_come_together(repository: Project, server: object, way: str) -> None:
    """From the conflict to the release: on the database that had applied the old name, and on a new one."""
    folder = repository.folder
    repository.run().ok()
    assert repository.applied() == [FIRST, MINE, PYTHON]
    stopped(repository, way, "main")
    assert "Run migrations_rebase blog" in repository.manage("migrations_build").error()
    told = repository.manage("migrations_rebase", "blog").ok()
    (new,) = re.findall(rf"^Renamed {MINE} to (blog\.\d{{14}}_t2)$", told.stdout, re.M)
    assert new > LATER
    assert f"migrations_repair --renamed {MINE}={new}" in told.stdout
    assert told.stderr == ""
    assert f"Mended {LINE}" in told.stdout
    assert (folder / LINE).read_text() == new.partition(".")[2] + "\n"
    _, _, following = told.stdout.partition("Next: ")
    for command in following.strip().splitlines():
        go_on(repository, *command.split()[1:], *(["--no-edit"] if "commit" in command else []))
    assert git(folder, "status", "--porcelain") == ""
    after = folder / "shop/sql_migrations" / f"{PYTHON.partition('.')[2]}.py"
    assert after.read_text() == python_text(new).replace(f"after {new}", f"after {MINE}")
    repository.run("--strict").error() if way == "never" else None
    repository.run().ok()
    assert set(repository.applied()) == {FIRST, new, PYTHON, THEIRS}
    repository.manage("migrations_revert", "--all").ok()
    repository.run("--strict").ok()
    assert repository.applied() == [FIRST, THEIRS, new, PYTHON]
