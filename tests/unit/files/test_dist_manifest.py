"""A manifest that was cut, tampered with or made by another version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medusa_migrations.errors import DistError
from medusa_migrations.files import dist
from medusa_migrations.migration import Migration
from tests.support.dist_files import document


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "5",
        '"x"',
        "{}",
        '{"format": 3}',
        '{"format": 3, "migrations": null}',
        '{"format": 3, "migrations": {}}',
        '{"format": 3, "migrations": {"a": 1}}',
        '{"format": 3, "migrations": [1]}',
        '{"format": 3, "migrations": [null]}',
        '{"format": 3, "migrations": [[]]}',
        '{"format": 3, "migrations": [{}]}',
        '{"format": 3, "migrations": ["x"]}',
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
    newer = dist.FORMAT + 1
    (target / dist.MANIFEST).write_text(f'{{"format": {newer}, "hash": 5, "migrations": [\n"who knows"\n]}}\n')
    with pytest.raises(DistError, match=f"format {newer}, this version reads format {dist.FORMAT}"):
        dist.load(target)


def test_a_manifest_cut_anywhere_is_refused(target: Path, three: list[Migration]) -> None:
    dist.write(target, three)
    data = (target / dist.MANIFEST).read_bytes()
    for length in range(len(data.rstrip())):
        (target / dist.MANIFEST).write_bytes(data[:length])
        for reader in (dist.load, dist.checksums):
            with pytest.raises(DistError):
                reader(target)


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
        *(("phase", value) for value in (5, "later", None)),
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
