"""Which migrations stay as they are when two branches come together, and so which are this side's: asked of git."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from medusa_migrations.errors import GitError, nearest
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId, has_timestamp

from .changed import ids_of, path_in
from .git import DEEPEN, commit_of, git, is_shallow, merge_base, names, root_of, tree
from .sources import SUFFIXES

_OTHERWISE = N_("rename the files by hand and follow that with migrations_repair --renamed OLD=NEW.")

# What git keeps while it is in the middle of something, and the command that goes on with that.
_UNDER_WAY = {
    "rebase-merge": "git rebase --continue",
    "rebase-apply": "git rebase --continue",
    "CHERRY_PICK_HEAD": "git cherry-pick --continue",
    "MERGE_HEAD": "git commit",
}
_REBASES = {"rebase-merge", "rebase-apply"}

# The branch that a clone begins with.
_PUBLISHED = "refs/remotes/origin/HEAD"

Ids = frozenset[MigrationId]


class Sides(NamedTuple):
    """What git tells of the repository in the folder `root`.

    `staying` are the migrations that keep their names, of all apps: those of the other side, and those that are
    `published`, on the branch that others begin with. `before` are those that were there where the two parted. In a
    rebase, `replayed` are those that it has brought over so far, and `left` those of the branch as it was. `then` is
    the command that goes on in git, and `is_under_way` tells whether it is in the middle of something.
    """

    root: Path
    staying: Ids
    published: Ids
    before: Ids
    replayed: Ids
    left: Ids
    is_under_way: bool
    then: str


class _Commits(NamedTuple):
    """The commit of the other side, and what this side is known by."""

    other: str
    own: str


def sides_in(folder: Path, onto: MigrationId | None, folders: Mapping[str, Path]) -> Sides:
    """The sides in the repository of `folder`: by what git is in the middle of, or else has merged last.

    With `onto` the other side is the commit that has added that migration. `folders` are those of the apps by their
    labels. Raises GitError for what cannot be told.
    """
    root = root_of(folder, _OTHERWISE)
    if not commit_of("HEAD", root):
        raise GitError(N_("The branch that is checked out in {root} has no commit yet. Commit first.", root=root))
    marks = _marks(root)
    commits = _told(root, marks) if onto is None else _Commits(_added(root, onto, folders, marks), "HEAD")
    is_rebase = not _REBASES.isdisjoint(marks)

    def ids(commit: str | None) -> Ids:
        found = ids_of(tree(root, commit), root, folders) if commit else ()
        return frozenset(id_ for id_, _ in found if has_timestamp(id_.name))

    published = ids(commit_of(_PUBLISHED, root)) if onto is None else ids(None)
    return Sides(
        root,
        staying=ids(commits.other) | published,
        published=published,
        before=ids(merge_base(root, commits.own, commits.other)),
        replayed=ids("HEAD") - ids(_said_by(marks, "onto")) if is_rebase else ids(None),
        left=ids(_said_by(marks, "orig-head")) if is_rebase else ids(None),
        is_under_way=bool(marks),
        then=next((then for mark, then in _UNDER_WAY.items() if mark in marks), "git commit"),
    )


def _said_by(marks: Mapping[str, Path], name: str) -> str | None:
    """The commit that a rebase has in a file of that name."""
    found = [marks[mark] / name for mark in _REBASES & marks.keys() if (marks[mark] / name).is_file()]
    return found[0].read_text().strip() if found else None


def unsaved(sides: Sides, files: Iterable[Path]) -> list[str]:
    """Those of `files` that git could not give back as they are, each with what is the matter. Raises GitError."""
    by_folder: dict[Path, list[Path]] = {}
    for file in files:
        by_folder.setdefault(file.parent, []).append(file)
    return [one for folder, some in by_folder.items() for one in _unsaved(folder, some, sides)]


def _unsaved(folder: Path, files: Iterable[Path], sides: Sides) -> Iterator[str]:
    """As `unsaved`, of the files in one folder, which may be in another repository."""
    root = root_of(folder, _OTHERWISE)
    known, changed = names(root, "ls-files"), _differing(root)
    if not (root == sides.root and sides.is_under_way):  # then what is staged is what git goes on with
        changed |= _differing(root, "--cached", "HEAD")
    for file in files:
        path = path_in(root, file)
        if path not in known:
            yield N_("{file} is not in git", file=file)
        elif path in changed:
            yield N_("{file} has changes that are not committed", file=file)


def tracked(root: Path, folders: Mapping[str, Path]) -> Ids:
    """The migrations that git knows of, whether or not their files are there."""
    return frozenset(id_ for id_, _ in ids_of(names(root, "ls-files"), root, folders))


def _differing(root: Path, *against: str) -> frozenset[str]:
    return names(root, "diff", "--name-only", "--no-renames", "--no-ext-diff", *against, "--")


def _marks(root: Path) -> dict[str, Path]:
    """What there is of _UNDER_WAY; a worktree has its own."""
    wanted = [word for mark in _UNDER_WAY for word in ("--git-path", mark)]
    paths = [root / line for line in git(root, "rev-parse", *wanted).stdout.splitlines()]
    return {mark: path for mark, path in zip(_UNDER_WAY, paths, strict=True) if path.exists()}


def _told(root: Path, marks: Mapping[str, Path]) -> _Commits:
    """The two sides of what git is doing, or of the merge that it did last."""
    is_merge = "MERGE_HEAD" in marks
    if not _REBASES.isdisjoint(marks) and not is_merge:  # it makes merges again, too: of what to what is not known
        return _Commits("HEAD", "REBASE_HEAD")
    if marks.keys() == {"CHERRY_PICK_HEAD"}:
        return _Commits("HEAD", "CHERRY_PICK_HEAD")
    if marks.keys() == {"MERGE_HEAD"} and len(heads := marks["MERGE_HEAD"].read_text().split()) == 1:
        return _Commits(heads[0], "HEAD")
    parents = git(root, "rev-parse", "HEAD^@").stdout.split()
    if not marks and len(parents) == 2:
        return _Commits(parents[1], parents[0])
    raise GitError(
        N_(
            "Which side stays cannot be told: in {root} no merge of two branches, rebase or cherry-pick is under way, "
            "and the last commit is no merge of two. Name the newest migration of the side that stays: --onto ID",
            root=root,
        )
    )


def _added(root: Path, onto: MigrationId, folders: Mapping[str, Path], marks: Collection[str]) -> str:
    """The commit that has added the file of a migration."""
    if is_shallow(root):
        raise GitError(
            N_("This clone is shallow: it may lack the commit that has added {id}. {cure}", id=onto, cure=DEEPEN)
        )
    place = path_in(root, folders[onto.app]) if onto.app in folders else None
    if place is None:
        raise GitError(
            N_("{id} is of no app in the repository {root}.{hint}", id=onto, root=root, hint=nearest(onto.app, folders))
        )
    refs = ["HEAD", *(["MERGE_HEAD"] if "MERGE_HEAD" in marks else [])]
    paths = [f":(top,literal){place}/{onto.name}{suffix}" for suffix in SUFFIXES]
    # With -c a merge has a name only if none of its sides has that: a rebase of migrations is committed in one.
    which = ("--full-history", "-c", "--no-renames", "--diff-filter=A", "--name-only", "--no-show-signature")
    entries = git(root, "log", *which, "--format=%x00%H", *refs, "--", *paths).stdout.split("\0")[1:]
    found = [words[0] for words in map(str.split, entries) if len(words) > 1]
    if len(found) == 1:
        return found[0]
    if found:
        commits = ", ".join(commit[:10] for commit in found)
        raise GitError(
            N_(
                "More than one commit has added {id} ({commits}), so which side stays cannot be told.",
                id=onto,
                commits=commits,
            )
        )
    hint = nearest(str(onto), map(str, tracked(root, folders)))
    raise GitError(N_("No commit of what is checked out has added {id}.{hint}", id=onto, hint=hint))
