"""Gives the migrations of one side of a merge new timestamps, and follows that in the files that depend on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from django.apps import AppConfig, apps

from medusa_migrations.conf import NAME, get_settings, shown_path
from medusa_migrations.errors import MigrationError, PlanError
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import MigrationId, name_problem, whole_checksum

from . import linear
from .make import next_timestamp, own_app
from .mend import Renamed, mended
from .sides import Sides, sides_in, tracked, unsaved
from .sources import SourceFile, is_installed_package, source_files, source_folders
from .text import decode, put, read


class Rebased(NamedTuple):
    """What was done with the files; `then` is the command that goes on in git.

    `edited` are those that have another text. Of a Python file the checksum covers that too: `checksums` has the one
    before and the one of now.
    """

    app: str
    renamed: Renamed
    edited: tuple[Path, ...]
    checksums: Mapping[MigrationId, tuple[str, str]]
    then: str
    notes: tuple[str, ...]


class _Work(NamedTuple):
    """What is to be done with the files.

    `begun` are the new names that a call that was cut off has given, `fresh` those that this one gives. `followed` are
    all whose old names may still stand somewhere, and `edits` the new texts of the files where they do.
    """

    begun: Renamed
    fresh: Renamed
    edits: Mapping[SourceFile, bytes]
    followed: Renamed


def rebase(app_label: str, onto: str | None = None) -> Rebased:
    """Rename the migrations of this side if one comes before the newest of the side that stays; mend what names them.

    What a call that was cut off has begun is brought to its end. Raises PlanError, GitError and FileError, before
    anything is changed, for what cannot be told or mended, and for files that git could not give back.
    """
    app = own_app(app_label)
    sides = sides_in(Path(app.path), _id(onto), source_folders())
    try:
        files = _files()
        work = _work(app, sides, files)
        edited = [*_rename_and_edit(files, work), *_mend_line(app)]
        checksums = dict(_checksums(work.followed))
    except OSError as error:
        raise MigrationError(
            N_(
                "Cannot use {path}: {reason}. When that is settled, run migrations_rebase {app} again: it goes on.",
                path=shown_path(error.filename or app.path),
                reason=error.strerror,
                app=app.label,
            )
        ) from None
    renamed = {**work.begun, **work.fresh}
    return Rebased(app.label, renamed, tuple(edited), checksums, sides.then, _notes(renamed))


def _id(text: str | None) -> MigrationId | None:
    found = MigrationId.parse(text) if text is not None else None
    if text is not None and found is None:
        raise PlanError(
            N_("--onto takes the id of a migration, <app_label>.<timestamp>_<name>; this is {text!r}.", text=text)
        )
    return found


def _files() -> list[SourceFile]:
    return [file for file in source_files() if not name_problem(file.id.name)]


def _work(app: AppConfig, sides: Sides, files: Sequence[SourceFile]) -> _Work:
    """What is to be done. Raises PlanError for what may not be."""
    begun = _begun(app, sides, files)
    there = [file.id for file in files if not file.id.is_repeatable]
    mine = [id_ for id_ in there if id_.app == app.label and id_ not in sides.staying and id_ not in begun.values()]
    _refuse_removed(sides.before & {*mine})
    new = sides.staying - sides.before
    _refuse_twins([one for one in files if one.id in mine], [one for one in files if one.id in new])
    fresh = new_names(mine, {*there} - {*mine} | sides.staying, {*sides.staying, *begun.values()}, datetime.now(UTC))
    if not begun and not fresh:
        _refuse_the_wrong_way(app.label, sides)
    followed = {**_earlier(sides, there), **begun, **fresh}
    edits = _edits(files, followed)
    touched = [one for one in files if one.id in fresh or (one in edits and one.id not in begun.values())]
    _refuse_unsaved(unsaved(sides, [Path(shown_path(one.file)) for one in touched]))
    return _Work(begun, fresh, edits, followed)


def new_names(
    mine: Collection[MigrationId], there: Collection[MigrationId], staying: Collection[MigrationId], now: datetime
) -> dict[MigrationId, MigrationId]:
    """New names for `mine`, in their order and after all that are `there`; none if they come after `staying` as is."""
    if not mine or min(id_.timestamp for id_ in mine) > _newest(staying):
        return {}
    found: dict[MigrationId, MigrationId] = {}
    for old in sorted(mine, key=lambda id_: id_.sort_key):
        stamp = next_timestamp((*there, *found.values()), now)
        found[old] = MigrationId(old.app, stamp + old.name[len(stamp) :])
    return found


def paired(gone: Collection[MigrationId], new: Collection[MigrationId]) -> dict[MigrationId, MigrationId]:
    """Those of `gone` that one of `new` is but for its timestamp, which keeps their order, each with that one."""
    found: dict[MigrationId, MigrationId] = {}
    for kind in {_but_timestamp(id_) for id_ in gone}:
        olds, news = (sorted(id_ for id_ in ids if _but_timestamp(id_) == kind) for ids in (gone, new))
        if len(olds) == len(news):
            found |= zip(olds, news, strict=True)
    return found


def _but_timestamp(id_: MigrationId) -> tuple[str, str]:
    return id_.app, id_.name[len(id_.timestamp) :]


def _begun(app: AppConfig, sides: Sides, files: Sequence[SourceFile]) -> dict[MigrationId, MigrationId]:
    """What a call that was cut off has renamed: git misses the old name, and does not know the new one."""
    in_git = tracked(sides.root, source_folders())
    there = {file.id for file in files if file.id.app == app.label}
    gone = {id_ for id_ in in_git - there - sides.staying if id_.app == app.label}
    newest = _newest(sides.staying)
    return paired(gone, {id_ for id_ in there - in_git if id_.timestamp > newest})


def _newest(ids: Iterable[MigrationId]) -> str:
    return max((id_.timestamp for id_ in ids), default="")


def _earlier(sides: Sides, there: Collection[MigrationId]) -> dict[MigrationId, MigrationId]:
    """What was renamed at an earlier stop of the rebase that is under way: what follows may depend on the old names."""
    still_mine = (sides.left & {*there}) - sides.staying
    first = min((id_.timestamp for id_ in still_mine), default="~")
    gone = {id_ for id_ in sides.left - sides.replayed - {*there} if id_.timestamp < first}
    return paired(gone, sides.replayed - sides.left)


def _refuse_removed(removed: Collection[MigrationId]) -> None:
    if removed:
        names = ", ".join(sorted(map(str, removed)))
        raise PlanError(
            N_(
                "{ids}: was there before the two sides parted, and the side that stays has removed it. Nothing was "
                "renamed. Remove it here too, or bring it back there.",
                ids=names,
            )
        )


def _refuse_twins(mine: Iterable[SourceFile], new: Iterable[SourceFile]) -> None:
    """Refuse what is `new` on the other side with another timestamp, as where it was merged there after a rebase."""
    by_kind = {_but_timestamp(file.id): file for file in new}
    for file in mine:
        twin = by_kind.get(_but_timestamp(file.id))
        if twin and read(file.file) == read(twin.file):
            raise PlanError(
                N_(
                    "{id} is what the side that stays has as {twin}. Nothing was renamed. Remove {file} with git rm, "
                    "and where it is applied, run migrations_repair --renamed {id}={twin}",
                    id=file.id,
                    twin=twin.id,
                    file=file.cited,
                )
            )


def _refuse_the_wrong_way(label: str, sides: Sides) -> None:
    """Refuse to settle a merge of a branch into the one that others begin with, where it is the branch that is late."""
    published, others = (
        sorted((id_ for id_ in ids if id_.app == label), key=lambda id_: id_.sort_key)
        for ids in (sides.published, sides.staying - sides.published)
    )
    late = [str(id_) for id_ in others if published and id_.sort_key < published[-1].sort_key]
    if late:
        raise PlanError(
            N_(
                "The other side brings {late}, before {published}, which is published. Nothing was changed.\n"
                "To give that new timestamps: migrations_rebase {app} --onto {published}\n"
                "To leave it so: migrations_rebase {app} --onto {newest}",
                late=", ".join(late),
                published=published[-1],
                app=label,
                newest=others[-1],
            )
        )


def _refuse_unsaved(found: Sequence[str]) -> None:
    if found:
        raise PlanError(
            N_(
                "Nothing was renamed: what git does not have, it could not give back.\n  {files}\nCommit that first, "
                "or where a merge or a rebase is under way, git add it.",
                files=joined("\n  ", found),
            )
        )


def _edits(files: Iterable[SourceFile], renamed: Renamed) -> dict[SourceFile, bytes]:
    """The files of the project's own apps that depend on what is renamed, with their new content."""
    own = {app.label for app in apps.get_app_configs() if not is_installed_package(app)}
    found = {}
    for file in files if renamed else ():
        if file.id.app in own:
            before = read(file.file)
            after = mended(before, file.cited, renamed)
            if after != before:
                found[file] = after
    return found


def _rename_and_edit(files: Iterable[SourceFile], work: _Work) -> Iterator[Path]:
    """Give the files their new names, then their new texts, and yield those that have one.

    In that order a call that goes on knows by the names what there is to mend.
    """
    places = {file: Path(file.file) for file in files}
    for file, path in places.items():
        if file.id in work.fresh:
            places[file] = path.rename(path.with_name(work.fresh[file.id].name + path.suffix))
    for file, data in work.edits.items():
        mode = places[file].stat().st_mode
        put(places[file], data)
        places[file].chmod(mode)
        yield places[file]


def _mend_line(app: AppConfig) -> list[Path]:
    is_changed = linear.is_linear(app) and linear.write(app, [file.id for file in _files()])
    return [linear.path_of(app)] if is_changed else []


def _checksums(renamed: Renamed) -> Iterator[tuple[MigrationId, tuple[str, str]]]:
    """Of the Python files that depend on a new name, the checksum with the old one in its place, and that of now."""
    before = {new: old for old, new in renamed.items()}
    for file, data in _edits([one for one in _files() if one.cited.endswith(".py")], before).items():
        texts = (decode(data, file.cited), decode(read(file.file), file.cited))
        yield file.id, (whole_checksum(texts[0]), whole_checksum(texts[1]))


def _notes(renamed: Renamed) -> tuple[str, ...]:
    after = get_settings().verify_after
    found = [(old, new) for old, new in renamed.items() if str(old) == after]
    return tuple(
        N_("{settings}['VERIFY_AFTER'] is {old}, which is {new} now.", settings=NAME, old=old, new=new)
        for old, new in found
    )
