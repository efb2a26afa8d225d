"""Builds by the API: what is read again, and what is mended."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from medusa_migrations import api
from medusa_migrations.files import dist
from tests.support.builders import app_folder, files_below, installed


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


def test_a_second_build_parses_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medusa_migrations.files import sqlfile

    with one_app(tmp_path):
        assert len(api.build().new) == 2
        app_folder(tmp_path, "dist_blog", {"20240101000003_c.sql": "-- migrate:up\n"})
        seen: list[str] = []
        parse = sqlfile.parse
        monkeypatch.setattr(
            sqlfile, "parse", lambda text, path, **how: (seen.append(path), parse(text, path, **how))[1]
        )
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


def test_dist_in_a_relative_place_is_built_below_base_dir(tmp_path: Path) -> None:
    with one_app(tmp_path), override_settings(MEDUSA_MIGRATIONS={"DIST_DIR": "out/sql"}):
        assert api.build().dist_dir == tmp_path / "out/sql"
        assert (tmp_path / "out/sql/manifest.json").exists()
