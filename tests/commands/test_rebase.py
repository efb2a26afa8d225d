"""migrations_rebase in a real repository: two branches add a migration each, and come together.

Which side stays, and what is refused, is in test_rebase of the unit tests.
"""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.builders import files_below
from tests.support.projects import Project
from tests.support.repositories import begin, commit, git

# What git asks for where it commits by itself.
COMMITTER = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.org",
    "GIT_EDITOR": "true",
}

FIRST, MINE, THEIRS, AFTER = (f"{app}.2024010100000{number}" for number, app in enumerate(["blog"] * 3 + ["shop"], 1))
FIRST, MINE, THEIRS, AFTER = f"{FIRST}_t1", f"{MINE}_t2", f"{THEIRS}_t3", f"{AFTER}_after"
LINE = "blog/sql_migrations/max_migration.txt"


def add(project: Project, id_: str) -> None:
    """A migration of `blog` that makes a table, and is the newest."""
    name = id_.partition(".")[2]
    project.write(id_, f"CREATE TABLE {name[15:]} (id int);", f"DROP TABLE {name[15:]};")
    (project.folder / LINE).write_text(f"{name}\n")


def after(needs: str) -> str:
    """The text of AFTER, which names MINE elsewhere too."""
    return (
        f'"""Comes after {MINE}."""\n\ndepends = ["{needs}"]\n\n\n'
        "def up(schema):\n    schema.query('CREATE TABLE after ()')\n\n\n"
        "def down(schema):\n    schema.query('DROP TABLE after')\n"
    )


@pytest.fixture
def repository(project: Project) -> Project:
    """FIRST and THEIRS on `main`; FIRST, MINE and AFTER, of another app, which needs MINE, on `work`, checked out."""
    project.configure(LINEAR=["blog"])
    sources = project.add_app("shop")
    add(project, FIRST)
    begin(project.folder)
    add(project, MINE)
    (sources / f"{AFTER.partition('.')[2]}.py").write_text(after(MINE))
    commit(project.folder)
    git(project.folder, "switch", "-q", "main")
    add(project, THEIRS)
    commit(project.folder)
    git(project.folder, "switch", "-q", "work")
    return project


@pytest.mark.parametrize("way", ["merge", "rebase"])
def test_two_branches_come_together(repository: Project, way: str) -> None:
    """From the conflict to the release, on the database that has applied the old name, and on a new one."""
    folder = repository.folder
    repository.run().ok()
    assert repository.applied() == [FIRST, MINE, AFTER]
    assert "CONFLICT" in git(folder, way, "main", check=False)
    assert "Run migrations_rebase blog" in repository.manage("migrations_build").error()

    told = repository.manage("migrations_rebase", "blog").ok()
    new = re.search(rf"^Renamed {MINE} to (blog\.\d{{14}}_t2)$", told.stdout, re.M)[1]  # type: ignore[index]  # it is there
    assert new > THEIRS
    assert told.stderr == ""
    assert f"Mended {LINE}\n" in told.stdout
    assert f"The history of the database 'default' has followed: {new}\n" in told.stdout
    assert f"The history of the database 'default' has followed: {AFTER}\n" in told.stdout
    assert f"migrations_repair --renamed {MINE}={new}\n" in told.stdout
    assert f"migrations_repair --accept-changes {AFTER}\n" in told.stdout
    assert (folder / LINE).read_text() == f"{new.partition('.')[2]}\n"
    assert (folder / f"shop/sql_migrations/{AFTER.partition('.')[2]}.py").read_text() == after(new)

    for command in told.stdout.partition("Next: ")[2].splitlines():
        subprocess.run(command, shell=True, cwd=folder, check=True, env=repository.environment() | COMMITTER)
    assert git(folder, "status", "--porcelain") == ""

    repository.manage_several(("migrations_build",), ("migrations_run",), ("migrations_show", "--check")).ok()
    assert repository.applied() == [FIRST, new, AFTER, THEIRS]
    repository.manage_several(("migrations_revert", "--all"), ("migrations_run", "--strict")).ok()
    assert repository.applied() == [FIRST, THEIRS, new, AFTER]


def test_a_database_that_cannot_follow_is_told_how_to_and_the_same_again_goes_on(repository: Project) -> None:
    repository.run().ok()
    git(repository.folder, "merge", "main", check=False)
    before = files_below(repository.folder / "blog")
    assert "There is no database 'other'" in repository.manage("migrations_rebase", "blog", "--database=other").error()
    assert files_below(repository.folder / "blog") == before

    there, repository.database = repository.database, "there_is_none"
    done = repository.manage("migrations_rebase", "blog", "--json").ok()
    ((old, new),) = [(one["old"], one["new"]) for one in done.json["renamed"]]
    assert done.json == {
        "app": "blog",
        "renamed": [{"old": MINE, "new": new}],
        "edited": [f"shop/sql_migrations/{AFTER.partition('.')[2]}.py", LINE],
        "database": "default",
        "followed": [],
    }
    assert old == MINE
    assert "The history of the database 'default' has not followed. Cannot connect" in done.stderr
    assert f"migrations_repair --renamed {MINE}={new}\n" in done.stderr

    repository.database = repository.server.maintenance
    assert "The database 'default' has no history" in repository.manage("migrations_rebase", "blog").ok().stderr

    repository.database = there
    again = repository.manage("migrations_rebase", "blog").ok()
    assert f"Renamed {MINE} to {new}\n" in again.stdout
    assert "Mended" not in again.stdout
    assert repository.applied() == [FIRST, new, AFTER]
    git(repository.folder, "add", "-A")
    repository.run().ok()  # what depends on it is as it is recorded


def test_what_cannot_be_told_is_an_error_in_json_too(repository: Project) -> None:
    done = repository.manage("migrations_rebase", "blog", "--json")
    assert "--onto ID" in done.error()
    assert "--onto ID" in done.json["error"]["message"]
    done = repository.manage("migrations_rebase", "blog", "--onto", FIRST).ok()
    assert done.stdout == "No migration of blog on this side comes before one that stays: nothing was renamed.\n"
