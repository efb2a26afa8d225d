"""The safe ways to change or delete all rows."""

from __future__ import annotations

from collections.abc import Sequence

from .pieces import backfill, in_transaction, made_name


def bulk_update(table: str, sets: str) -> str:
    """For an UPDATE of all rows."""
    return f"# A migration in Python, which changes the rows in batches:\n{backfill(table, sets or '…', '')}"


def loss(names: Sequence[str]) -> str:
    """For what empties tables."""
    copies = [f"CREATE TABLE {made_name(name, 'before')} AS TABLE {name}" for name in names]
    allowed = [f"-- migrate:allow loss {name}: …" for name in names]
    return "\n".join(
        [
            "-- A migration before this one, where the rows may be needed again:",
            in_transaction(*copies),
            "",
            "-- Above the statement, where they are not:",
            *allowed,
        ]
    )
