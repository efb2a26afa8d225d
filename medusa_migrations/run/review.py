"""What migrations would run: their parts, and what is to be known of them before. No database is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from medusa_migrations import conf
from medusa_migrations.errors import PlanError, nearest
from medusa_migrations.files.build import from_sources
from medusa_migrations.files.changed import Change, Changes, changes_since
from medusa_migrations.files.dist import read_part
from medusa_migrations.files.sources import source_folders
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Migration, MigrationId
from medusa_migrations.results import LintFinding, ReviewedMigration, ReviewResult

from .losses import Told, of_function, of_sql

# What lint has found, by the id of a migration and the hash of its file.
Findings = Mapping[tuple[MigrationId, str], Sequence[LintFinding]]


def review(ids: Sequence[str], since: str | None, direction: Direction, findings: Findings) -> ReviewResult:
    """As `medusa_migrations.api.sql` without a database."""
    migrations = from_sources()[0]
    changes = changes_since(since, conf.base_dir() or Path.cwd()) if since is not None else None
    chosen = named(ids, migrations) if ids else _changed(migrations, changes)
    found = [_reviewed(one, direction) for one in chosen if one.part(direction)]
    if changes:
        late = late_ones([one.id for one in migrations], changes.ids_at_ref(source_folders()))
        files = {one.id: one.file for one in chosen}
        found = [_compared(one, changes.of(files[one.id]), late) for one in found]
    return ReviewResult(
        direction,
        tuple(found if direction is Direction.UP else reversed(found)),
        since,
        tuple(changes.removed(source_folders())) if changes else (),
        _known(findings, chosen, direction),
    )


def _known(findings: Findings, chosen: Sequence[Migration], direction: Direction) -> tuple[LintFinding, ...]:
    """Those of one part of the chosen migrations, as their files are now."""
    found = (one for migration in chosen for one in findings.get((migration.id, migration.hash), ()))
    return tuple(one for one in found if one.part == direction)


def named(ids: Sequence[str], migrations: Sequence[Migration]) -> list[Migration]:
    """Those of `migrations`, in their order, that `ids` name. Raises PlanError for an id that none has."""
    known = {str(one.id) for one in migrations}
    for text in ids:
        if text not in known:
            hint = nearest(text, known) or N_(" An id is written <app_label>.<timestamp>_<name>.")
            raise PlanError(N_("There is no migration {id!r}.{hint}", id=text, hint=hint))
    return [one for one in migrations if str(one.id) in ids]


def late_ones(order: Sequence[MigrationId], others: Collection[MigrationId]) -> set[MigrationId]:
    """The ids of `order` that are not among `others` and run before one that is and has a timestamp.

    One of `others` that is not in `order` has the place that its name would give it.
    """
    places = {id_: place for place, id_ in enumerate(order)}
    others = [id_ for id_ in others if not id_.is_repeatable]
    last = max((places[id_] for id_ in others if id_ in places), default=-1)
    elsewhere = max((id_.sort_key for id_ in others if id_ not in places), default=("", "", ""))
    return {id_ for id_ in order if id_ not in others and (places[id_] < last or id_.sort_key < elsewhere)}


def _changed(migrations: Sequence[Migration], changes: Changes | None) -> list[Migration]:
    """Those whose files are new or changed; all without changes to ask."""
    return [one for one in migrations if changes is None or changes.of(one.file)]


def _compared(one: ReviewedMigration, change: Change, late: Collection[MigrationId]) -> ReviewedMigration:
    return one._replace(change=change, late=change == "new" and one.id in late)


def _reviewed(migration: Migration, direction: Direction) -> ReviewedMigration:
    part = migration.part(direction)
    assert part is not None  # those without one are left out
    sql = read_part(migration, part)
    told = _python(migration, sql, direction) if migration.is_python else of_sql(sql)
    mode = conf.get_settings().transaction
    return ReviewedMigration(
        migration.id,
        migration.source,
        sql,
        is_python=migration.is_python,
        calls=told.calls,
        drops=(*_dropped_before(migration, direction), *(one.what for one in told.drops)),
        loses=told.loses,
        transactional=migration.is_repeatable or (mode != "none" if part.transaction is None else part.transaction),
        reversible=migration.down is not None,
        phase=migration.phase,
    )


def _dropped_before(migration: Migration, direction: Direction) -> list[str]:
    """What the header says that has to go before the up part."""
    return [f"repeatable migration {id_}" for id_ in migration.drops] if direction is Direction.UP else []


def _python(migration: Migration, text: str, direction: Direction) -> Told:
    from medusa_migrations.files.pyfile import load  # few need it, and it brings the migration API along

    return of_function(load(text, migration.source, migration.file, direction))
