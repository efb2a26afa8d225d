"""Files of another tool, and what they are made into, which every build must take."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from medusa_migrations.adopt.draft import Converted, Text
from medusa_migrations.adopt.names import names_of
from medusa_migrations.adopt.tools import TOOLS
from medusa_migrations.files import sqlfile

Convert = Callable[[str, Mapping[str, str]], Converted]


def convert_with(tool: str, files: Mapping[str, str]) -> Converted:
    """What the importer of `tool` makes of `files`, texts by names."""
    converted = TOOLS[tool].convert([Text(f"their/{name}", name, text) for name, text in files.items()])
    for draft, name in zip(converted.drafts, names_of(converted.drafts), strict=True):
        sqlfile.parse(draft.text, name)
    return converted


@pytest.fixture
def convert() -> Convert:
    return convert_with
