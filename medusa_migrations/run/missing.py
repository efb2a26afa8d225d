"""What a run says of applied migrations that have no file: which command undoes them."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import apps

from medusa_migrations.database.destination import Destination, options_for
from medusa_migrations.files.build import source_ids
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId

_NAMED = 3


def offer(missing: Sequence[MigrationId], app: str | None, where: Destination) -> tuple[str, ...]:
    """A line with the number of `missing`, the first names and the command, for the same app and database.

    There is none where all of them have files that are only not built. A second one names apps that are not installed.
    """
    unbuilt = set(source_ids())
    gone = [id_ for id_ in missing if id_ not in unbuilt]
    if not gone:
        return ()
    options = (f" {app}" if app else "") + options_for(where)
    if len(gone) == 1:
        text = N_(
            "1 migration is applied without a file: {id}. To undo that, as after a change to another branch or an "
            "older release: migrations_revert --missing{options}",
            id=gone[0],
            options=options,
        )
        return (text, *_not_installed(gone))
    text = N_(
        "{count} migrations are applied without a file: {names}{more}. To undo that, as after a change to another "
        "branch or an older release: migrations_revert --missing{options}",
        count=len(gone),
        names=", ".join(map(str, gone[:_NAMED])),
        more=N_(" and {count} more", count=len(gone) - _NAMED) if len(gone) > _NAMED else "",
        options=options,
    )
    return (text, *_not_installed(gone))


def _not_installed(gone: Sequence[MigrationId]) -> tuple[str, ...]:
    labels = sorted({id_.app for id_ in gone} - apps.app_configs.keys())
    if not labels:
        return ()
    text = N_(
        "No installed app has the label {labels}. If that is a mistake, put it back into INSTALLED_APPS: --missing "
        "would drop what its migrations have made.",
        labels=", ".join(map(repr, labels)),
    )
    return (text,)
