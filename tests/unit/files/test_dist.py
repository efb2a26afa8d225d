"""The build: its layout, that it is always whole, and that nothing else is taken for one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from medusa_migrations import api
from medusa_migrations.errors import DistError
from medusa_migrations.files import dist
from medusa_migrations.migration import NAME_LENGTH, Migration
from tests.support.builders import app_folder, files_below, in_file, installed, mid, open_folder, without_privileges
from tests.support.projects import ROOT

HEADER = """\
-- Authors and their posts — the first ones.
-- migrate:depends auth
-- migrate:depends shop.20240101000001_x
-- migrate:feature new
-- migrate:keep blog_post.search_ix
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "dist/migrations"


@pytest.fixture
def three(tmp_path: Path) -> list[Migration]:
    """Every field is used by one of them."""
    return [
        in_file(tmp_path, "shop.1"),
        in_file(tmp_path, "blog.2_posts", header=HEADER, up="COPY t FROM stdin;\n1\n\\.\n"),
        in_file(tmp_path, "blog.3", down=None),
    ]


def without_file(migrations: tuple[Migration, ...] | list[Migration] | None) -> list[Migration]:
    return [one._replace(file="") for one in migrations or ()]


def built_name(migration: Migration) -> str:
    return f"{migration.id.app}/{migration.id.name}.{migration.hash[:8]}.sql"


def document(target: Path) -> Any:
    return json.loads((target / dist.MANIFEST).read_text())


# ----------------------------------------------------------------------------------------------- what a build is like


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


# -------------------------------------------------------------------------------------------------- stale and foreign


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


# ---------------------------------------------------------------------------------------------------- is it current?


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


# ------------------------------------------------------------------------------------------------------- reading SQL


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


# ------------------------------------------------------------------------------------------------ a tampered manifest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "5",
        '"x"',
        "{}",
        '{"format": 1}',
        '{"format": 1, "migrations": null}',
        '{"format": 1, "migrations": {}}',
        '{"format": 1, "migrations": {"a": 1}}',
        '{"format": 1, "migrations": [1]}',
        '{"format": 1, "migrations": [null]}',
        '{"format": 1, "migrations": [[]]}',
        '{"format": 1, "migrations": [{}]}',
        '{"format": 1, "migrations": ["x"]}',
        '{"format": "1", "migrations": []}',
        '{"format": true, "migrations": []}',
        "\ufeff{}",
        "[" * 100_000,
    ],
)
def test_what_is_no_manifest_is_refused(text: str, target: Path) -> None:
    target.mkdir(parents=True)
    (target / dist.MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(DistError, match="migrations_build"):
        dist.load(target)


def test_a_manifest_of_a_newer_version_is_told_as_such(target: Path) -> None:
    target.mkdir(parents=True)
    (target / dist.MANIFEST).write_text('{"format": 2, "hash": 5, "migrations": [\n"who knows"\n]}\n')
    with pytest.raises(DistError, match="format 2, this version reads format 1"):
        dist.load(target)


def test_a_manifest_cut_anywhere_is_refused(target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    data = (target / dist.MANIFEST).read_bytes()
    for length in range(len(data.rstrip())):
        (target / dist.MANIFEST).write_bytes(data[:length])
        with pytest.raises(DistError):
            dist.load(target)


def read_all(target: Path) -> None:
    for one in dist.load(target) or ():
        for part in (one.up, one.down):
            if part:
                dist.read_part(one, part)


BAD_IDS = [
    "",
    "blog",
    "blog.x",
    "../etc.20240101000001_x",
    "blog.20240101000001_../../x",
    "/etc.20240101000001_x",
    "blog.20240101000001_x\0",
]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("id", value) for value in (*BAD_IDS, None, 5, ["blog", "x"])),
        *(
            ("source", value)
            for value in (None, 5, "", "no suffix", ["a.sql"], "x./../../../../etc/passwd", "a.b/c", "x.sh")
        ),
        *(("hash", value) for value in (None, 5, "", "0" * 63, "G" * 64, "../" + "0" * 61, "0" * 64)),
        *(("checksum", value) for value in (None, 5, "", "x", ["0" * 64], "0" * 64)),
        *(("up", value) for value in (None, 5, [], [1], "abc", ["a", "b", 1, None, False], [0, 5, 2, None, False])),
        *(
            ("up", value)
            for value in ([0.5, 20, 2, None, False], [0, 10**9, 2, None, False], {"start": 0}, [0, 1, 2, 3, 4, 5, 6])
        ),
        *(
            ("down", value)
            for value in (5, [1], "abc", ["a", "b", 1, None, False], [0, 14, 1, "no", False], {"start": 0})
        ),
        *(("depends", value) for value in (5, "auth", [5], [None], {"a": 1})),
        *(("feature", value) for value in (5, ["new"], True)),
        *(("keep", value) for value in (5, "blog_post.x", [5])),
        *(("description", value) for value in (5, ["x"])),
        *((key, ...) for key in ("id", "source", "hash", "checksum", "up", "down")),
    ],
)
def test_a_field_that_was_tampered_with_is_refused_at_the_latest_when_its_sql_is_read(
    key: str, value: object, target: Path, three: list[Migration]
) -> None:
    dist.write(target, three)
    found = document(target)
    if value is ...:
        del found["migrations"][1][key]
    else:
        found["migrations"][1][key] = value
    (target / dist.MANIFEST).write_text(json.dumps(found))
    with pytest.raises(DistError, match="migrations_build"):
        read_all(target)


@contextlib.contextmanager
def one_app(tmp_path: Path) -> Iterator[Path]:
    """An app with two migrations; gives where its build goes."""
    app_folder(
        tmp_path,
        "dist_blog",
        {
            "20240101000001_a.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n",
            "20240101000002_b.sql": "-- migrate:up\nSELECT 3;\n",
        },
    )
    with installed("dist_blog", path=tmp_path, BASE_DIR=tmp_path, MEDUSA_MIGRATIONS={}):
        yield tmp_path / "dist/migrations"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("checksum", "0" * 64),
        ("up", [0, 5, 1, None, False]),
        ("down", [0, 14, 1, False, False]),
        ("down", None),
        ("depends", ["auth"]),
        ("feature", "never"),
        ("description", "something else"),
    ],
)
def test_a_build_mends_a_manifest_that_was_tampered_with(key: str, value: object, tmp_path: Path) -> None:
    """That is what the messages say to do; entries of the last build are reused only if they can be relied on."""
    with one_app(tmp_path) as target:
        api.build()
        right = (target / dist.MANIFEST).read_text()
        found = json.loads(right)
        found["migrations"][0][key] = value
        entries = ",\n".join(json.dumps(one) for one in found["migrations"])
        (target / dist.MANIFEST).write_text(f'{{"format": {dist.FORMAT}, "migrations": [\n{entries}\n]}}\n')
        assert not api.build(check=True).is_current
        api.build()
        assert (target / dist.MANIFEST).read_text() == right


# ---------------------------------------------------------------------------------------------- incremental, by the API


def test_a_second_build_parses_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medusa_migrations.files import sqlfile

    with one_app(tmp_path):
        assert len(api.build().new) == 2
        app_folder(tmp_path, "dist_blog", {"20240101000003_c.sql": "-- migrate:up\n"})
        seen: list[str] = []
        parse = sqlfile.parse
        monkeypatch.setattr(sqlfile, "parse", lambda text, path: (seen.append(path), parse(text, path))[1])
        result = api.build()
    assert seen == ["dist_blog/sql_migrations/20240101000003_c.sql"]
    assert [str(id_) for id_ in result.new] == ["dist_blog.20240101000003_c"]
    assert len(result.built) == 3


def test_what_was_reused_is_built_like_what_was_parsed(tmp_path: Path) -> None:
    with one_app(tmp_path) as target:
        api.build()
        first = files_below(target)
        api.build()
        assert files_below(target) == first
        (target / "manifest.json").unlink()
        api.build()
        assert files_below(target) == first


def test_a_warning_is_given_at_every_build(tmp_path: Path) -> None:
    with one_app(tmp_path):
        app_folder(tmp_path, "dist_blog", {"20240101000003_c.sql": "-- migrate:up\nSELECT 1;\n  -- migrate:down\n"})
        assert len(api.build().warnings) == 1
        assert len(api.build().warnings) == 1
        assert len(api.build(check=True).warnings) == 1


# ----------------------------------------------------------------------------------------------- what cannot be written


def test_a_source_that_changes_during_the_build_is_told(target: Path, three: list[Migration]) -> None:
    Path(three[2].file).write_text("-- migrate:up\nSELECT 'changed';\n")
    with pytest.raises(DistError, match=three[2].source):
        dist.write(target, three)
    assert dist.load(target) is None


def test_a_source_that_goes_during_the_build_is_told(target: Path, three: list[Migration]) -> None:
    Path(three[2].file).unlink()
    with pytest.raises(DistError, match=three[2].source):
        dist.write(target, three)


@pytest.mark.parametrize("where", ["dist", "dist/migrations"])
def test_a_file_in_the_folders_place_is_told(where: str, tmp_path: Path, target: Path, three: list[Migration]) -> None:
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text("")
    with pytest.raises(DistError, match=f"Cannot write the build to {target}"):
        dist.write(target, three)
    with pytest.raises(DistError, match=f"Cannot read {target}"):
        dist.load(target)


def test_a_folder_that_may_not_be_written_is_told_and_the_old_build_stays() -> None:
    with open_folder() as folder:
        ones = [in_file(folder, "blog.1"), in_file(folder, "blog.2")]
        dist.write(folder / "dist", ones[:1])
        for path in (folder / "dist/blog", folder / "dist"):
            path.chmod(0o555)
        with without_privileges():
            with pytest.raises(DistError, match="give this process the right"):
                dist.write(folder / "dist", ones)
            assert without_file(dist.load(folder / "dist")) == without_file(ones[:1])
            assert dist.is_current(folder / "dist", ones[:1])


def test_a_manifest_that_may_not_be_read_is_told() -> None:
    with open_folder() as folder:
        ones = [in_file(folder, "blog.1")]
        dist.write(folder / "dist", ones)
        (folder / "dist" / dist.MANIFEST).chmod(0)
        with without_privileges():
            with pytest.raises(DistError, match="the right to read it"):
                dist.load(folder / "dist")
            assert not dist.is_current(folder / "dist", ones)


def test_a_built_file_that_may_not_be_read_is_told() -> None:
    with open_folder() as folder:
        dist.write(folder / "dist", [in_file(folder, "blog.1")])
        (one,) = dist.load(folder / "dist") or ()
        Path(one.file).chmod(0)
        with without_privileges():
            with pytest.raises(DistError, match="Permission denied"):
                dist.read_part(one, one.up)
            assert not dist.is_current(folder / "dist", [one])


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """`folder` on a file system of 256 KiB."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"this process may not mount a small disk: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_build_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "disk"
    old = [in_file(tmp_path, "blog.1")]
    big = [in_file(tmp_path, f"blog.{number}", "SELECT 1;" * 6000) for number in range(2, 12)]
    with small_disk(target):
        dist.write(target, old)
        before = files_below(target)
        with pytest.raises(
            DistError, match=r"No space left on device\. What was built before is still whole\. Make room"
        ):
            dist.write(target, [*old, *big])
        assert before.items() <= files_below(target).items()
        assert without_file(dist.load(target)) == without_file(old)
        assert dist.is_current(target, old)
        assert not list(target.rglob("*.tmp"))
        dist.write(target, old)
        assert files_below(target) == before


def test_a_write_that_stops_half_way_leaves_the_old_build_and_no_litter(tmp_path: Path, target: Path) -> None:
    """A limit on the size of files does to a write what a full disk does, and needs no right to mount."""
    old = [in_file(tmp_path, "blog.1")]
    in_file(tmp_path, "blog.2", "SELECT 1;" * 6000)
    dist.write(target, old)
    before = files_below(target)
    code = f"""
import resource, sys
from pathlib import Path
from medusa_migrations.files import dist
from medusa_migrations.errors import DistError
from tests.support.builders import in_file
ones = [in_file(Path({str(tmp_path)!r}), "blog.1"), in_file(Path({str(tmp_path)!r}), "blog.2", "SELECT 1;" * 6000)]
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    dist.write(Path({str(target)!r}), ones)
except DistError as error:
    sys.exit(f"DistError: {{error}}")
"""
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert outcome.stderr.startswith("DistError: Cannot write the build"), outcome
    assert "File too large" in outcome.stderr
    assert files_below(target) == before


# ----------------------------------------------------------------------------------------- crashes and two at a time


def worker(what: str, folder: Path, rounds: int) -> Any:
    outcome = subprocess.run(
        [sys.executable, "-m", "tests.support.dist_worker", what, str(folder), str(rounds)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


def test_killed_at_any_moment_it_leaves_the_old_build_or_the_new_one(tmp_path: Path) -> None:
    told = worker("crash", tmp_path, 120)
    assert set(told["found"]) == {"old", "new"}
    assert sum(told["found"].values()) == 120
    assert told["dirty"], "no kill met a build at work"
    assert told["clean at the end"]


def test_two_builds_at_once_follow_each_other_under_a_readers_eyes(tmp_path: Path) -> None:
    """A reader may come too late for a file of the manifest that it read, but only when the next one is there."""
    told = worker("race", tmp_path, 60)
    assert set(told["found"]) <= {"whole", "replaced while reading"}
    assert told["found"]["whole"]
    assert told["failed"] == 0
    assert told["whole at the end"]
    assert told["stale"] == 0


def test_dist_in_a_relative_place_is_built_below_base_dir(tmp_path: Path) -> None:
    with one_app(tmp_path), override_settings(MEDUSA_MIGRATIONS={"DIST_DIR": "out/sql"}):
        assert api.build().dist_dir == tmp_path / "out/sql"
        assert (tmp_path / "out/sql/manifest.json").exists()


def test_an_id_with_a_dash_is_built_as_any_other(tmp_path: Path, target: Path) -> None:
    one = in_file(tmp_path, "blog.20240101000001-add-posts.v2")
    dist.write(target, [one])
    assert (dist.load(target) or ())[0].id == mid("blog.20240101000001-add-posts.v2")
    dist.write(target, [])
    assert sorted(files_below(target)) == ["manifest.json"]
