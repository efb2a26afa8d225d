"""Which files a branch has changed: asked of git, which reads its own repository."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from medusa_migrations.errors import GitError
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId

from .git import DEEPEN, commit_of, is_shallow, merge_base, names, root_of, tree
from .sources import SUFFIXES

_OTHERWISE = N_("name the migrations by their ids.")


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
        return {id_ for id_, _ in ids_of(self.at_ref, self.root, folders)}

    def removed(self, folders: Mapping[str, Path]) -> list[str]:
        """The paths of the migrations of `folders` that were there where the branch began, and are gone."""
        gone = (path for _, path in ids_of(self.before & self.changed, self.root, folders))
        return sorted(os.fsencode(path).decode(errors="replace") for path in gone if not (self.root / path).exists())

    def _path(self, file: str | Path) -> str | None:
        return path_in(self.root, file)


def ids_of(paths: Iterable[str], root: Path, folders: Mapping[str, Path]) -> Iterator[tuple[MigrationId, str]]:
    """Which of `paths`, those of files from `root`, are migrations in `folders`, those of the apps by their labels."""
    labels = {path_in(root, folder): label for label, folder in folders.items()}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder in labels and name.endswith(SUFFIXES) and not name.startswith("_"):
            yield MigrationId(labels[folder], name.rpartition(".")[0]), path


def path_in(root: Path, file: str | Path) -> str | None:
    """The path of a file from `root`, with slashes; None if it is not below that."""
    path = Path(file).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def changes_since(ref: str, folder: Path) -> Changes:
    """What the branch that is checked out in the repository of `folder` has changed since it left `ref`.

    What is not committed yet counts too, new files included, but for ignored ones. Raises GitError.
    """
    root = root_of(folder, _OTHERWISE)
    start = _where_the_branch_began(ref, root)
    differing = names(root, "diff", "--name-only", "--no-renames", "--no-ext-diff", start, "--")
    untracked = names(root, "ls-files", "--others", "--exclude-standard", "--full-name")
    return Changes(root, differing | untracked, tree(root, start), tree(root, _commit(ref, root)))


def place_in_repository(folder: Path) -> str:
    """The path of `folder` from the root of its git repository, empty for the root and where there is none."""
    try:
        place = folder.resolve().relative_to(root_of(folder, _OTHERWISE)).as_posix()
    except GitError:
        return ""
    return "" if place == "." else place


def _commit(ref: str, root: Path) -> str:
    found = commit_of(ref, root)
    if found:
        return found
    hint = (
        N_("Fetch it: git fetch origin {ref}", ref=ref)
        if not ref.startswith("-")
        else N_("A ref does not begin with a dash.")
    )
    if is_shallow(root):
        hint = DEEPEN
    raise GitError(N_("There is no commit {ref!r} in the repository {root}. {hint}", ref=ref, root=root, hint=hint))


def _where_the_branch_began(ref: str, root: Path) -> str:
    """The commit that `ref` and what is checked out have in common: later ones of `ref` are not this branch's work."""
    commit = _commit(ref, root)
    if not commit_of("HEAD", root):
        raise GitError(N_("The branch that is checked out in {root} has no commit yet. Commit first.", root=root))
    found = merge_base(root, commit, "HEAD")
    if found:
        return found
    if is_shallow(root):
        raise GitError(
            N_(
                "This clone is shallow: it does not have the commit where the branch left {ref!r}. {cure}",
                ref=ref,
                cure=DEEPEN,
            )
        )
    raise GitError(
        N_("What is checked out in {root} and {ref!r} have no commit in common. Name another ref.", root=root, ref=ref)
    )
