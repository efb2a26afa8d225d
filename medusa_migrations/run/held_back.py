"""What a run says of what it leaves until the new code is live, and which command runs that."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.database.destination import Destination, options_for
from medusa_migrations.migration import MigrationId

_NAMED = 3


def held_back(ids: Sequence[MigrationId], app: str | None, where: Destination) -> str:
    """One line with the number of `ids`, the first of them and the command, for the same app and database."""
    names = ", ".join(map(str, ids[:_NAMED]))
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    are, them = ("1 migration is", "it") if len(ids) == 1 else (f"{len(ids)} migrations are", "them")
    options = (f" {app}" if app else "") + options_for(where)
    return (
        f"{are} held back until the new code is live: {names}{more}. Run {them} then with "
        f"migrations_run{options} --phase after"
    )
