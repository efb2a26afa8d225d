"""How grave a finding is, by the phase of its migration."""

from __future__ import annotations

import pytest

from medusa_migrations.lint.severity import severity_in
from medusa_migrations.migration import Direction, Severity
from tests.support.builders import migration

BEFORE, AFTER = migration("blog.1"), migration("blog.1", phase="after")


@pytest.mark.parametrize(
    ("code", "usual", "after"),
    [
        ("drop-table", "warning", "note"),
        ("drop-column", "warning", "note"),
        ("rename-table", "warning", "warning"),
        ("rename-column", "warning", "warning"),
        ("rewrite", "error", "error"),
    ],
)
def test_only_what_is_dropped_after_is_a_note(code: str, usual: Severity, after: Severity) -> None:
    assert severity_in(BEFORE, Direction.UP, code, usual) == usual
    assert severity_in(AFTER, Direction.DOWN, code, usual) == usual
    assert severity_in(AFTER, Direction.UP, code, usual) == after
