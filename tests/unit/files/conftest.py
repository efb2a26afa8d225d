"""A place for a build, and migrations to be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from medusa_migrations.migration import Migration
from tests.support.builders import in_file
from tests.support.dist_files import HEADER


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
