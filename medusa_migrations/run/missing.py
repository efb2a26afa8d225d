"""What a run says of applied migrations that have no file: which command undoes them."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.database.destination import Destination, options_for
from medusa_migrations.files.build import source_ids
from medusa_migrations.migration import MigrationId

_NAMED = 3


def offer(missing: Sequence[MigrationId], app: str | None, where: Destination) -> tuple[str, ...]:
    """One line with the number of `missing`, the first names and the command, for the same app and database.

    There is none where all of them have files that are only not built.
    """
    unbuilt = set(source_ids())
    gone = [id_ for id_ in missing if id_ not in unbuilt]
    if not gone:
        return ()
    names = ", ".join(map(str, gone[:_NAMED]))
    more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
    are = "1 migration is" if len(gone) == 1 else f"{len(gone)} migrations are"
    options = (f" {app}" if app else "") + options_for(where)
    return (
        f"{are} applied without a file: {names}{more}. To undo that, as after a change to another branch or an older "
        f"release: migrations_revert --missing{options}",
    )
