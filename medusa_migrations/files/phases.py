"""Warns of what is for before the new code is live, and depends on what is for after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medusa_migrations.errors import FileError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Migration, MigrationId, dependencies

from .mend import line_of_dependency
from .text import read


def held_back_warnings(migrations: Iterable[Migration]) -> Iterator[str]:
    """One for each of `migrations`, in their order, that is held back only for what it depends on."""
    waits_for: dict[MigrationId, MigrationId] = {}  # of those that are held back the one of phase after
    for migration in migrations:
        if migration.phase == "after":
            waits_for[migration.id] = migration.id
            continue
        needed = next((one for one in dependencies(migration) if one in waits_for), None)
        if needed:
            waits_for[migration.id] = after = waits_for[needed]
            through = "" if needed == after else N_(" through {id}", id=needed)
            yield (
                N_(
                    "{place}: {id} depends{through} on {after}, which is of phase after, so --phase before holds back "
                    "both. Give it that phase too, or take the dependency out. Where that is applied everywhere, "
                    "nothing is held back any more.",
                    place=_place(migration, needed),
                    id=migration.id,
                    through=through,
                    after=after,
                )
            )


def _place(migration: Migration, needed: MigrationId) -> str:
    """Where `migration` says that it depends on `needed`, or its file alone where that cannot be told."""
    try:
        line = line_of_dependency(read(migration.file), migration.source, str(needed))
    except (OSError, FileError):
        line = None
    return f"{migration.source}:{line}" if line else migration.source
