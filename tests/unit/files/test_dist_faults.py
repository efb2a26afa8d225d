"""Builds that cannot be written or read, are killed, or meet: the old build stays, or the new one is there."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medusa_migrations.errors import DistError
from medusa_migrations.files import dist
from medusa_migrations.migration import Migration
from tests.support.builders import files_below, in_file, open_folder, without_privileges
from tests.support.dist_files import without_file
from tests.support.projects import ROOT


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
