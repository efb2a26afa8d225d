"""Projects that the tests of a command begin with."""

from __future__ import annotations

import pytest

from tests.support.generated import BOOK, FIRST
from tests.support.projects import Project


@pytest.fixture
def books(project: Project) -> Project:
    """A model whose table is there."""
    project.add_models("blog", BOOK)
    project.manage_several(
        ("makemigration", "blog", "--generate", "--timestamp", FIRST), ("migrations_run", "--build")
    ).ok()
    return project
