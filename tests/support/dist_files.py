"""What a build has of its migrations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from medusa_migrations.files import dist
from medusa_migrations.migration import Migration

HEADER = """\
-- Authors and their posts — the first ones.
-- migrate:depends auth
-- migrate:depends shop.20240101000001_x
-- migrate:feature new
-- migrate:keep blog_post.search_ix
-- migrate:phase after
"""


def without_file(migrations: tuple[Migration, ...] | list[Migration] | None) -> list[Migration]:
    return [one._replace(file="") for one in migrations or ()]


def built_name(migration: Migration) -> str:
    return f"{migration.id.app}/{migration.id.name}.{migration.hash[:8]}.sql"


def document(target: Path) -> Any:
    return json.loads((target / dist.MANIFEST).read_text())
