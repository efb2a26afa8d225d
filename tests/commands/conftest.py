"""Projects that the tests of a command begin with."""

from __future__ import annotations

import pytest

from tests.support.generated import BOOK, FIRST, generate
from tests.support.projects import Project


@pytest.fixture
def books(project: Project) -> Project:
    """A model whose table is there."""
    project.add_models("blog", BOOK)
    generate(project, "--timestamp", FIRST).ok()
    project.run().ok()
    return project
