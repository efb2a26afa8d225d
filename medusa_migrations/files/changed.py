"""Which files a branch has changed: asked of git, which reads its own repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from medusa_migrations.errors import GitError
from medusa_migrations.migration import MigrationId

from .sources import SUFFIXES

_INSTALL = "Install git, or name the migrations by their ids."
_GO_THERE = "Run this in a checkout, or name the migrations by their ids."
_DEEPEN = "Get the rest with `git fetch --unshallow`; in GitHub's actions/checkout set fetch-depth: 0."


Change = Literal["new", "changed"] | None


class Changes(NamedTuple):
    """What differs between the files that are there and those of a ref; `root` is the folder of the repository.

    Paths are from `root`, with slashes. `changed` are the files that are not as they were where the branch began, new
    ones and those that are gone included, `before` those that were there, and `at_ref` those that the ref has now.
    """

    root: Path
    changed: frozenset[str]
    before: frozenset[str]
    at_ref: frozenset[str]

    def of(self, file: str) -> Change:
        """What became of a file, None if nothing, or if it is none of this repository."""
        path = self._path(file)
        if path not in self.changed:
            return None
        return "changed" if path in self.before else "new"

    def ids_at_ref(self, folders: Mapping[str, Path]) -> set[MigrationId]:
        """The migrations that the ref has in `folders`, which are those of the apps by their labels."""
        return {id_ for id_, _ in self._ids(self.at_ref, folders)}

    def removed(self, folders: Mapping[str, Path]) -> list[str]:
        """The paths of the migrations of `folders` that were there where the branch began, and are gone."""
        gone = (path for _, path in self._ids(self.before & self.changed, folders))
        return sorted(os.fsencode(path).decode(errors="replace") for path in gone if not (self.root / path).exists())

    def _ids(self, paths: Iterable[str], folders: Mapping[str, Path]) -> Iterator[tuple[MigrationId, str]]:
        labels = {self._path(folder): label for label, folder in folders.items()}
        for path in paths:
            folder, _, name = path.rpartition("/")
            if folder in labels and name.endswith(SUFFIXES) and not name.startswith("_"):
                yield MigrationId(labels[folder], name.rpartition(".")[0]), path

    def _path(self, file: str | Path) -> str | None:
        path = Path(file).resolve()
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else None


def changes_since(ref: str, folder: Path) -> Changes:
    """What the branch that is checked out in the repository of `folder` has changed since it left `ref`.

    What is not committed yet counts too, new files included, but for ignored ones. Raises GitError.
    """
    root = Path(_root(folder)).resolve()
    start = _where_the_branch_began(ref, root)
    differing = _names(root, "diff", "--name-only", "--no-renames", "--no-ext-diff", start, "--")
    untracked = _names(root, "ls-files", "--others", "--exclude-standard", "--full-name")
    return Changes(root, differing | untracked, _tree(root, start), _tree(root, _commit(ref, root)))


def place_in_repository(folder: Path) -> str:
    """The path of `folder` from the root of its git repository, empty for the root and where there is none."""
    try:
        place = folder.resolve().relative_to(Path(_root(folder)).resolve()).as_posix()
    except GitError:
        return ""
    return "" if place == "." else place


def _root(folder: Path) -> str:
    found = _git(folder, "rev-parse", "--show-toplevel")
    if found.returncode == 0:
        return found.stdout.removesuffix("\n")
    if "not a git repository" in found.stderr:
        raise GitError(f"{folder} is in no git repository: what has changed cannot be told. {_GO_THERE}")
    raise GitError(f"git cannot read the repository of {folder}: {_said(found)}")


def _commit(ref: str, root: Path) -> str:
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if found.returncode == 0:
        return found.stdout.strip()
    hint = f"Fetch it: git fetch origin {ref}" if not ref.startswith("-") else "A ref does not begin with a dash."
    if _is_shallow(root):
        hint = _DEEPEN
    raise GitError(f"There is no commit {ref!r} in the repository {root}. {hint}")


def _where_the_branch_began(ref: str, root: Path) -> str:
    """The commit that `ref` and what is checked out have in common: later ones of `ref` are not this branch's work."""
    commit = _commit(ref, root)
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
        raise GitError(f"The branch that is checked out in {root} has no commit yet. Commit first.")
    found = _git(root, "merge-base", commit, "HEAD")
    if found.returncode == 0:
        return found.stdout.strip()
    if _is_shallow(root):
        raise GitError(f"This clone is shallow: it does not have the commit where the branch left {ref!r}. {_DEEPEN}")
    raise GitError(f"What is checked out in {root} and {ref!r} have no commit in common. Name another ref.")


def _is_shallow(root: Path) -> bool:
    return _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"


def _tree(root: Path, commit: str) -> frozenset[str]:
    return _names(root, "ls-tree", "-r", "--name-only", "--full-tree", commit)


def _names(root: Path, command: str, *arguments: str) -> frozenset[str]:
    """The file names that a command of git gives."""
    found = _git(root, command, "-z", *arguments)
    if found.returncode:
        raise GitError(f"git {command} failed in {root}: {_said(found)}")
    return frozenset(name for name in found.stdout.split("\0") if name)


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
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
        raise GitError(f"git cannot be run in {folder}: {error.strerror}. {_INSTALL}") from None


def _said(found: subprocess.CompletedProcess[str]) -> str:
    return found.stderr.strip().removeprefix("fatal: ") or f"it ended with {found.returncode}"
