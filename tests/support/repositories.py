"""A git repository around a project."""

from __future__ import annotations

import subprocess
from pathlib import Path

_AS = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """What a command of git says; without `check` it may fail."""
    done = subprocess.run(
        ["git", *_AS, *arguments], cwd=folder, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0 or not check, done
    return done.stdout.strip()


def commit(folder: Path, message: str = "a change") -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def begin(folder: Path) -> None:
    """A repository with all that is there in its first commit, on the branch `main`; `work` is checked out."""
    git(folder, "init", "-q", "-b", "main")
    (folder / ".gitignore").write_text("dist/\n__pycache__/\n")
    commit(folder)
    git(folder, "switch", "-q", "-c", "work")
