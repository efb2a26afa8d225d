"""The hooks for pre-commit, installed in a repository and run by `git commit`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.projects import ROOT, Outcome, Project, Server
from tests.support.repositories import begin, git

HOOKS = ROOT / ".pre-commit-hooks.yaml"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """This repository and its commit; one with today's hooks where they are not committed, or it cannot be read."""
    shown = subprocess.run(["git", "show", f"HEAD:{HOOKS.name}"], cwd=ROOT, capture_output=True, text=True, check=False)
    folder = ROOT
    if shown.returncode or shown.stdout != HOOKS.read_text():
        folder = tmp_path_factory.mktemp("published")
        (folder / HOOKS.name).write_text(HOOKS.read_text())
        begin(folder)
    return str(folder), git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def prepared(published: tuple[str, str], server: Server, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with both hooks, whose build is in git; pre-commit keeps in a folder what it has cloned."""
    project = Project(tmp_path_factory.mktemp("prepared"), server, server.maintenance)
    repo, rev = published
    (project.folder / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {repo}\n  rev: {rev}\n  hooks:\n  - id: migrations-build-check\n  - id: migrations-lint\n"
    )
    project.table(1)
    project.manage("migrations_build").ok()
    project.env |= {
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONWARNINGS": "default",  # pre-commit's own are not ours
    }
    begin(project.folder)
    git(project.folder, "add", "-f", "dist")
    git(project.folder, "commit", "-q", "-m", "the build")
    run(project, sys.executable, "-m", "pre_commit", "install").ok()
    return project


@pytest.fixture
def committing(project: Project, prepared: Project, tmp_path: Path) -> Project:
    """A copy of it, with a database of its own."""
    project.folder = shutil.copytree(prepared.folder, tmp_path / "committing")
    project.env |= prepared.env
    return project


def run(project: Project, *command: str) -> Outcome:
    done = subprocess.run(
        command,
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def commit(project: Project) -> Outcome:
    run(project, "git", "add", "-A", "-f", "blog", "dist").ok()
    return run(project, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-m", "a change")


def test_a_commit_whose_build_is_missing_is_refused(committing: Project) -> None:
    committing.table(2)
    done = commit(committing)
    assert done.code == 1
    assert "differs from the sources. Run migrations_build." in done.stderr
    committing.manage("migrations_build").ok()
    done = commit(committing).ok()
    assert "SQL migrations are built" in done.stderr
    assert "Passed" in done.stderr


def test_a_commit_that_only_takes_a_migration_away_is_refused_too(committing: Project) -> None:
    (committing.folder / "blog/sql_migrations/20240101000001_t1.sql").unlink()
    assert "differs from the sources" in commit(committing).stderr


def test_a_commit_that_locks_a_table_for_long_is_refused(committing: Project) -> None:
    committing.write("blog.20240101000002_i", "CREATE INDEX i ON t1 (id);", "DROP INDEX i;")
    committing.manage("migrations_build").ok()
    done = commit(committing)
    assert done.code == 1
    assert "blog/sql_migrations/20240101000002_i.sql:2:1: index-build" in done.stdout + done.stderr


def test_lint_needs_no_database(committing: Project) -> None:
    committing.env["TEST_DATABASE"] = '{"ENGINE": "django.db.backends.postgresql", "HOST": "nowhere.invalid"}'
    committing.table(2)
    committing.manage("migrations_build").ok()
    commit(committing).ok()
