"""Files that are no files, and a build that somebody else has written to: found by an attack.

A named pipe hung the build or the run, an id in the manifest could lead out of the build, and the file that is being
written followed a link that was put in its place.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from medusa_migrations.errors import BuildError, DistError
from medusa_migrations.files import dist
from medusa_migrations.files.sources import collect
from tests.support.builders import app_folder, in_file, installed


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "dist/migrations"


def test_a_pipe_among_the_sources_is_an_error(tmp_path: Path) -> None:
    folder = app_folder(tmp_path, "strange_blog")
    os.mkfifo(folder / "20240101000001_x.sql")
    (folder / "20240101000002_y.sql").symlink_to("/dev/zero")
    (folder / "20240101000003_z.py").symlink_to("/dev/zero")
    with (
        installed("strange_blog", path=tmp_path, BASE_DIR=tmp_path, MEDUSA_MIGRATIONS={}),
        pytest.raises(BuildError) as caught,
    ):
        collect()
    assert [str(error).partition(": ")[2] for error in caught.value.errors] == [
        "cannot be read: it is no plain file\nPut a plain file there that this process may read."
    ] * 3


def test_a_pipe_in_the_build_is_an_error_and_the_next_build_mends_it(tmp_path: Path, target: Path) -> None:
    ones = [in_file(tmp_path, "blog.1")]
    dist.write(target, ones)
    (built,) = dist.load(target) or ()
    for path in (Path(built.file), target / dist.MANIFEST):
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(DistError, match=r"no plain file.*migrations_build"):
            [dist.read_text(one) for one in dist.load(target) or ()]
        assert not dist.is_current(target, ones)
        dist.write(target, ones)
        assert dist.is_current(target, ones)


OUTSIDE = {
    "an id": ("id", "shop.../../../20240101000001_x"),
    "an id that begins like one": ("id", "shop.20240101000001_x/../../../../../x"),
    "an app": ("id", "../shop.20240101000001_x"),
    "the kind of file": ("source", "shop/sql_migrations/x./x"),
}


@pytest.mark.parametrize(("key", "value"), OUTSIDE.values(), ids=OUTSIDE.keys())
def test_a_manifest_leads_to_no_file_outside_the_build(key: str, value: str, tmp_path: Path, target: Path) -> None:
    dist.write(target, [in_file(tmp_path, "blog.1")])
    head, _, rest = (target / dist.MANIFEST).read_text().partition("\n")
    entry = json.loads(rest.removesuffix("\n]}\n")) | {key: value}
    rest = f"{json.dumps(entry)}\n]}}\n"
    found = json.loads(f"{head}]}}")["hash"]
    (target / dist.MANIFEST).write_text(f"{head.replace(found, hashlib.sha256(rest.encode()).hexdigest())}\n{rest}")
    with pytest.raises(DistError, match="is not what migrations_build wrote"):
        dist.load(target)


def test_a_link_in_the_place_of_what_is_being_written_is_not_followed(tmp_path: Path, target: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    one = in_file(tmp_path, "blog.1")
    (target / "blog").mkdir(parents=True)
    for name in (f"blog/{one.id.name}.{one.hash[:8]}.sql", dist.MANIFEST):
        (target / f"{name}.{os.getpid()}.tmp").symlink_to(victim)
    dist.write(target, [one])
    assert victim.read_text() == "precious"
    assert dist.is_current(target, [one])
