"""The build: its layout, what is current, and that nothing else is taken for one."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medusa_migrations.errors import DistError
from medusa_migrations.files import dist
from medusa_migrations.migration import NAME_LENGTH, Migration
from tests.support.builders import files_below, in_file, mid
from tests.support.dist_files import HEADER, built_name, document, without_file


def test_the_layout_is_a_folder_an_app_and_a_manifest(target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    assert sorted(files_below(target)) == sorted([*map(built_name, three), "manifest.json"])


def test_a_built_file_is_its_source_byte_by_byte(tmp_path: Path, target: Path) -> None:
    data = b"\xef\xbb\xbf-- migrate:up\r\nSELECT 1;\r\n"
    one = in_file(tmp_path, "blog.1")
    Path(one.file).write_bytes(data)
    one = one._replace(hash=hashlib.sha256(data).hexdigest())
    dist.write(target, [one])
    assert (target / built_name(one)).read_bytes() == data


def test_what_is_loaded_is_what_was_written_in_its_order(target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    loaded = dist.load(target)
    assert without_file(loaded) == without_file(three)
    assert [one.file for one in loaded or ()] == [f"{target}/{built_name(one)}" for one in three]
    assert dist.is_current(target, loaded or ())
    assert dist.checksums(target) == {one.id: one.checksum for one in three}


def test_the_manifest_has_what_others_may_rely_on(target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    found = document(target)
    assert found["format"] == dist.FORMAT
    assert [(one["id"], one["checksum"]) for one in found["migrations"]] == [
        (str(one.id), one.checksum) for one in three
    ]


def test_the_same_sources_in_another_place_give_the_same_build(tmp_path: Path) -> None:
    builds = []
    for place in ("here", "there"):
        ones = [in_file(tmp_path / place, f"blog.{number}", header=HEADER) for number in (1, 2)]
        dist.write(tmp_path / place / "dist", ones)
        builds.append(files_below(tmp_path / place / "dist"))
        assert str(tmp_path).encode() not in builds[-1]["manifest.json"]
    assert builds[0] == builds[1]


def test_building_again_touches_no_file_that_is_right(target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    before = {name: (target / name).stat().st_mtime_ns for name in map(built_name, three)}
    dist.write(target, three)
    assert before == {name: (target / name).stat().st_mtime_ns for name in before}


def test_a_build_of_nothing_is_a_build(target: Path) -> None:
    assert dist.load(target) is None
    dist.write(target, [])
    assert dist.load(target) == ()
    assert dist.is_current(target, [])


def test_the_longest_name_that_is_allowed_can_be_built(tmp_path: Path, target: Path) -> None:
    one = in_file(tmp_path, "blog.20240101000001_" + "x" * (NAME_LENGTH - 15))
    dist.write(target, [one])
    assert without_file(dist.load(target)) == without_file([one])


@pytest.mark.parametrize(
    ("umask", "file_mode", "folder_mode"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700), (0o002, 0o664, 0o775)]
)
def test_the_permissions_are_those_of_the_umask(
    umask: int, file_mode: int, folder_mode: int, target: Path, three: list[Migration]
) -> None:
    before = os.umask(umask)
    try:
        dist.write(target, three)
    finally:
        os.umask(before)
    for path in (target, *target.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (folder_mode if path.is_dir() else file_mode)


def test_what_is_no_longer_needed_goes_and_an_empty_folder_with_it(
    tmp_path: Path, target: Path, three: list[Migration]
) -> None:
    dist.write(target, three)
    changed = in_file(tmp_path, "blog.3", "SELECT 'changed';")
    dist.write(target, [changed])
    assert sorted(files_below(target)) == sorted([built_name(changed), "manifest.json"])
    assert not (target / "shop").exists()


def test_what_a_crash_left_goes(target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    for name in (f"{built_name(three[0])}.123.tmp", "manifest.json.99.tmp", "gone/20240101000001_x.0123abcd.sql.7.tmp"):
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_text("half")
    dist.write(target, three)
    assert sorted(files_below(target)) == sorted([*map(built_name, three), "manifest.json"])
    assert not (target / "gone").exists()


@pytest.mark.parametrize(
    "name",
    [
        "README",
        ".gitignore",
        "20240101000001_x.0123abcd.sql",
        "manifest.json.bak",
        "manifest.json.tmp",
        "shop/notes.sql",
        "shop/20240101000001_x.sql",
        "shop/20240101000001_x.0123ABCD.sql",
        "shop/20240101000001_x.0123abcd.sql.bak",
        "shop/2024_x.0123abcd.sql",
        "shop/deeper/20240101000001_x.0123abcd.sql",
    ],
)
def test_a_file_of_somebody_elses_stays(name: str, target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    (target / name).parent.mkdir(exist_ok=True)
    (target / name).write_text("mine")
    dist.write(target, three[1:])
    assert (target / name).read_text() == "mine"
    assert dist.is_current(target, three[1:])


def test_a_folder_behind_a_link_is_not_cleaned(tmp_path: Path, target: Path, three: list[Migration]) -> None:
    theirs = tmp_path / "theirs/20240101000009_x.0123abcd.sql"
    theirs.parent.mkdir()
    theirs.write_text("mine")
    dist.write(target, three)
    (target / "link").symlink_to(theirs.parent)
    dist.write(target, three)
    assert theirs.exists()


def spoil_file(target: Path, one: Migration) -> None:
    (target / built_name(one)).write_text("DROP TABLE author;")


def remove_file(target: Path, one: Migration) -> None:
    (target / built_name(one)).unlink()


def folder_for_file(target: Path, one: Migration) -> None:
    remove_file(target, one)
    (target / built_name(one)).mkdir()


def file_for_folder(target: Path, one: Migration) -> None:
    remove_file(target, one)
    (target / one.id.app).rmdir()
    (target / one.id.app).write_text("")


def spoil_manifest(target: Path, one: Migration) -> None:
    path = target / dist.MANIFEST
    path.write_text(path.read_text().replace("_x", "_y"))


def remove_manifest(target: Path, one: Migration) -> None:
    (target / dist.MANIFEST).unlink()


def folder_for_manifest(target: Path, one: Migration) -> None:
    remove_manifest(target, one)
    (target / dist.MANIFEST).mkdir()


DAMAGES = [
    spoil_file,
    remove_file,
    folder_for_file,
    file_for_folder,
    spoil_manifest,
    remove_manifest,
    folder_for_manifest,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_is_damaged_is_not_current(damage: Callable[..., None], target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    damage(target, three[0])
    assert not dist.is_current(target, three)


@pytest.mark.parametrize("damage", [spoil_file, remove_file, spoil_manifest, remove_manifest])
def test_another_build_mends_it(damage: Callable[..., None], target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    damage(target, three[0])
    dist.write(target, three)
    assert dist.is_current(target, three)


@pytest.mark.parametrize("damage", [folder_for_file, file_for_folder, folder_for_manifest])
def test_what_a_build_cannot_mend_is_an_error_with_the_folder(
    damage: Callable[..., None], target: Path, three: list[Migration]
) -> None:
    dist.write(target, three)
    damage(target, three[0])
    with pytest.raises(DistError, match=str(target)):
        dist.write(target, three)


def test_other_sources_are_not_current(tmp_path: Path, target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    assert dist.is_current(target, three)
    assert not dist.is_current(target, three[:2])
    assert not dist.is_current(target, list(reversed(three)))
    assert not dist.is_current(target, [*three, in_file(tmp_path, "blog.4")])
    assert not dist.is_current(target, [three[0]._replace(depends=("auth",)), *three[1:]])


def test_asking_writes_nothing(target: Path, three: list[Migration]) -> None:
    assert not dist.is_current(target, three)
    assert not target.exists()


class Forgetful(dict[Any, Any]):
    """What another thread empties at once."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Keep nothing."""


def test_what_another_thread_makes_room_for_is_given_all_the_same(
    target: Path, three: list[Migration], monkeypatch: pytest.MonkeyPatch
) -> None:
    dist.write(target, three)
    for name in ("_loaded", "_checksums"):
        monkeypatch.setattr(dist, name, Forgetful())
    assert without_file(dist.load(target)) == without_file(three)
    assert dist.checksums(target) == {one.id: one.checksum for one in three}


def test_the_parts_are_read_as_they_were_written(target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    for one in dist.load(target) or ():
        assert dist.read_part(one, one.up).strip()
    one = (dist.load(target) or ())[0]
    assert one.down
    assert dist.read_part(one, one.down).strip() == ""


@pytest.mark.parametrize("damage", [spoil_file, remove_file, folder_for_file])
def test_a_file_that_does_not_match_is_refused_and_its_source_cited(
    damage: Callable[..., None], target: Path, three: list[Migration]
) -> None:
    dist.write(target, three)
    one = (dist.load(target) or ())[0]
    damage(target, one)
    with pytest.raises(DistError) as caught:
        dist.read_part(one, one.up)
    assert one.source in str(caught.value)
    assert one.file in str(caught.value)
    assert "migrations_build" in str(caught.value)


def test_an_id_with_a_dash_is_built_as_any_other(tmp_path: Path, target: Path) -> None:
    one = in_file(tmp_path, "blog.20240101000001-add-posts.v2")
    dist.write(target, [one])
    assert (dist.load(target) or ())[0].id == mid("blog.20240101000001-add-posts.v2")
    dist.write(target, [])
    assert sorted(files_below(target)) == ["manifest.json"]
