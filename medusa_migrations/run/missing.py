"""What a run says of applied migrations that have no file: which command undoes them."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.migration import MigrationId

_NAMED = 3


def offer(missing: Sequence[MigrationId], app: str | None, alias: str) -> str:
    """One line with the number of `missing`, the first names and the command, for the same app and database."""
    names = ", ".join(map(str, missing[:_NAMED]))
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    are = "1 migration is" if len(missing) == 1 else f"{len(missing)} migrations are"
    options = (f" {app}" if app else "") + ("" if alias == "default" else f" --database {alias}")
    return (
        f"{are} applied without a file: {names}{more}. To undo that, as after a change to another branch or an older "
        f"release: migrations_revert --missing{options}"
    )
