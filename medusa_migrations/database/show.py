"""What `migrations_show` and the admin tell of the migrations of one database. Writes nothing."""

from __future__ import annotations

from medusa_migrations.errors import DistError, FileError, PlanError
from medusa_migrations.files.build import app_labels, to_run
from medusa_migrations.files.dist import read_part
from medusa_migrations.messages import N_
from medusa_migrations.migration import Migration, MigrationId
from medusa_migrations.plan.known import (
    UNFINISHED_REVERTS,
    Known,
    check_app,
    find_id,
    fingerprint,
    in_order,
    know,
    out_of_order,
    state_of,
)
from medusa_migrations.results import AtWork, Description, LogResult, ShownMigration, ShownPart, ShowResult

from .at_work import at_work
from .connect import open_session
from .destination import Destination, alias_of, name_of
from .history import History
from .journal import Wanted, entries
from .lock import LockHolder, known_and_holder

_MOST = 1_000_000_000  # of entries


def show(app: str | None, where: Destination) -> ShowResult:
    """As `medusa_migrations.api.show`."""
    known, working = _look_closely(where)
    check_app(app, known, app_labels())
    late = out_of_order(known)
    ids = (id_ for id_ in in_order(known) if app is None or id_.app == app)
    shown = tuple(_shown(id_, known, working, id_ in late) for id_ in ids)
    return ShowResult(alias_of(where), shown, name_of(where), working)


def describe(id_: str, where: Destination) -> Description:
    """As `medusa_migrations.api.describe`."""
    known, working = _look_closely(where)
    found = find_id(id_, known)
    migration, row = known.by_id.get(found), known.rows.get(found)
    description = Description(
        alias_of(where),
        _shown(found, known, working, found in out_of_order(known)),
        recorded_checksum=row.checksum if row else None,
        reversible=bool((migration and migration.down) or (row and row.down is not None)),
        target=name_of(where),
        fingerprint=fingerprint(known, found),
        at_work=working,
    )
    is_begun = row is not None and row.state in ("running", "failed")  # its checksum is of what is done
    if row and row.down is not None and not is_begun and (migration is None or migration.checksum != row.checksum):
        description = description._replace(parts=(ShownPart("stored down", row.down),))
    return _with_file(description, migration) if migration else description


def log(wanted: Wanted, where: Destination) -> LogResult:
    """As `medusa_migrations.api.log`."""
    if wanted.limit is not None and not 0 < wanted.limit < _MOST:
        raise PlanError(N_("limit is {limit}: it must be from 1 to {most:,}.", limit=wanted.limit, most=_MOST - 1))
    with open_session(where) as session:
        found = entries(session, wanted)
    if wanted.app is not None and not found:
        check_app(wanted.app, know((), (), lambda feature: False), app_labels())
    return LogResult(alias_of(where), tuple(found), target=name_of(where))


def look(where: Destination) -> tuple[Known, LockHolder | None]:
    """What is known of the migrations of a database or a target, with details, and who holds its run lock."""
    migrations = to_run(only_plan=True)
    with open_session(where) as session:
        return known_and_holder(History(session), migrations, details=True)


def _look_closely(where: Destination) -> tuple[Known, AtWork | None]:
    """As `look`, with how far the one who holds the lock is."""
    migrations = to_run(only_plan=True)
    with open_session(where) as session:
        known, holder = known_and_holder(History(session), migrations, details=True)
        return known, at_work(session, holder)


def _with_file(description: Description, migration: Migration) -> Description:
    """What the file says too; where it cannot be read, why."""
    description = description._replace(
        source=migration.source,
        description=migration.description,
        depends=migration.depends,
        feature=migration.feature,
    )
    try:
        return description._replace(parts=(*_parts(migration), *description.parts))
    except (DistError, FileError) as error:
        return description._replace(unreadable=error.args[0])


def _parts(migration: Migration) -> tuple[ShownPart, ...]:
    parts = {"file": migration.up} if migration.is_python else {"up": migration.up, "down": migration.down}
    return tuple(ShownPart(name, read_part(migration, part), part.transaction) for name, part in parts.items() if part)


def _shown(id_: MigrationId, known: Known, working: AtWork | None, late: bool) -> ShownMigration:
    row, migration = known.rows.get(id_), known.by_id.get(id_)
    return ShownMigration(
        id=id_,
        state=state_of(id_, known, locked=working is not None, running=working.id if working else None),
        applied_at=row.applied_at if row else None,
        duration_ms=row.duration_ms if row else None,
        applied_by=row.applied_by if row else None,
        checksum=migration.checksum if migration else known.rows[id_].checksum,
        out_of_order=late,
        statements_done=row.statements_done if row else 0,
        error=row.error if row else "",
        run=row.run if row else None,
        is_python=migration is not None and migration.is_python,
        in_part=row is not None and row.sent_alone is not None,
        phase=migration.phase if migration else None,
        undoing=row is not None and row.state in UNFINISHED_REVERTS,
    )
