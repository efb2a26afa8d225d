"""How grave a finding is, by the phase of its migration."""

from __future__ import annotations

from medusa_migrations.migration import Direction, Migration, Severity

# What no code that runs uses any more when the new code is live. A renamed thing is used by that under one name.
_DROPS = ("drop-table", "drop-column")


def severity_in(migration: Migration, direction: Direction, code: str, usual: Severity) -> Severity:
    """The severity of a finding of one part of `migration`; `usual` is that of the same in any other migration."""
    is_after = migration.phase == "after" and direction is Direction.UP
    return "note" if is_after and code in _DROPS else usual
