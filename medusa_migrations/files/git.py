"""What git tells of a repository, by its own commands."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from medusa_migrations.errors import GitError
from medusa_migrations.messages import N_

DEEPEN = N_("Get the rest with `git fetch --unshallow`; in GitHub's actions/checkout set fetch-depth: 0.")


def root_of(folder: Path, otherwise: str) -> Path:
    """The folder of the repository that `folder` is in. `otherwise` says what to do without one. Raises GitError."""
    found = git(folder, "rev-parse", "--show-toplevel")
    if found.returncode == 0:
        return Path(found.stdout.removesuffix("\n")).resolve()
    if "not a git repository" in found.stderr:
        raise GitError(
            N_(
                "{folder} is in no git repository: what has changed cannot be told. Run this in a checkout, or "
                "{otherwise}",
                folder=folder,
                otherwise=otherwise,
            )
        )
    raise GitError(N_("git cannot read the repository of {folder}: {reason}", folder=folder, reason=said(found)))


def commit_of(ref: str, root: Path) -> str | None:
    """The commit that `ref` names, None if there is none."""
    found = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return found.stdout.strip() if found.returncode == 0 else None


def merge_base(root: Path, one: str, other: str) -> str | None:
    """The commit that two have in common, None if there is none, or a shallow clone lacks it."""
    found = git(root, "merge-base", one, other)
    return found.stdout.strip() if found.returncode == 0 else None


def is_shallow(root: Path) -> bool:
    """Whether the repository lacks the older commits."""
    return git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"


def tree(root: Path, commit: str) -> frozenset[str]:
    """The files of a commit."""
    return names(root, "ls-tree", "-r", "--name-only", "--full-tree", commit)


def names(root: Path, command: str, *arguments: str) -> frozenset[str]:
    """The file names that a command of git gives."""
    found = git(root, command, "-z", *arguments)
    if found.returncode:
        raise GitError(N_("git {command} failed in {root}: {reason}", command=command, root=root, reason=said(found)))
    return frozenset(name for name in found.stdout.split("\0") if name)


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What git says, in English, and file names in whatever encoding they have."""
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=os.environ | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except OSError as error:
        raise GitError(
            N_("git cannot be run in {folder}: {reason}. Install git.", folder=folder, reason=error.strerror)
        ) from None


def said(found: subprocess.CompletedProcess[str]) -> str:
    """Why a command of git has failed."""
    return found.stderr.strip().removeprefix("fatal: ") or N_("it ended with {code}", code=found.returncode)
