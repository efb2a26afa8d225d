"""What a run says of what it leaves until the new code is live, and which command runs that."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.database.destination import Destination, options_for
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId

_NAMED = 3


def held_back(ids: Sequence[MigrationId], app: str | None, where: Destination) -> str:
    """One line with the number of `ids`, the first of them and the command, for the same app and database."""
    options = (f" {app}" if app else "") + options_for(where)
    if len(ids) == 1:
        return N_(
            "1 migration is held back until the new code is live: {id}. Run it then with migrations_run{options} "
            "--phase after",
            id=ids[0],
            options=options,
        )
    return N_(
        "{count} migrations are held back until the new code is live: {names}{more}. Run them then with "
        "migrations_run{options} --phase after",
        count=len(ids),
        names=", ".join(map(str, ids[:_NAMED])),
        more=N_(" and {count} more", count=len(ids) - _NAMED) if len(ids) > _NAMED else "",
        options=options,
    )
