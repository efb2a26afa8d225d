"""What is known of the migrations of one database: those that are there, in their order, beside the history."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from medusa_migrations.errors import PlanError, nearest, no_app
from medusa_migrations.messages import N_
from medusa_migrations.migration import Migration, MigrationId, Phase, State, checksum, dependencies

UNFINISHED_REVERTS = ("reverting", "revert_failed")

_EMPTY = checksum("")


class Row(NamedTuple):
    """A row of the history. `state` is applied, or running, failed, reverting, revert_failed: unfinished.

    `serial` is the order of execution. The fields from `run` on keep these defaults unless `History.rows` was asked for
    details. `down` is the stored down part, None if there is none; without details it is read of repeatable ones alone.
    Of an unfinished one, `checksum` covers the `statements_done` of the up part; while it is being reverted,
    `finished_checksum` covers those of the down part. `sent_alone` is the checksum of the statement behind them if that
    may be committed in part, and must not be sent again unasked.
    """

    serial: int
    id: MigrationId
    checksum: str
    state: str
    statements_done: int = 0
    finished_checksum: str | None = None
    sent_alone: str | None = None
    down: str | None = None
    run: str | None = None
    applied_at: datetime | None = None
    duration_ms: int | None = None
    applied_by: str = ""
    error: str = ""


class PastRun(NamedTuple):
    """A run that the journal knows of: its mark, the release that it belonged to, or "", and when its last entry is.

    `has_applied` is False for one that only reverted, repaired or failed, as an older release does after a rollback.
    """

    run: str
    release: str
    ended_at: datetime
    has_applied: bool = True


class Known(NamedTuple):
    """All that is known of the migrations: the built ones in their order, and the history by id."""

    migrations: tuple[Migration, ...]
    rows: Mapping[MigrationId, Row]
    disabled: Collection[MigrationId]
    by_id: Mapping[MigrationId, Migration]

    def pending(self) -> list[Migration]:
        """What has not been applied in full, or is repeatable and another today; disabled ones left out."""
        return [one for one in self.migrations if one.id not in self.disabled and self._is_due(one)]

    def _is_due(self, migration: Migration) -> bool:
        row = self.rows.get(migration.id)
        if row is None or row.state != "applied":
            return True
        return row.checksum != migration.checksum and migration.is_repeatable

    def is_outdated(self, migration: Migration) -> bool:
        """Whether a repeatable migration is applied, and not as it is today."""
        row = self.rows.get(migration.id)
        return row is not None and row.checksum != migration.checksum and migration.is_repeatable

    def held_back(self, phase: Phase | None) -> set[MigrationId]:
        """Which pending ones a run of `phase` leaves: before, those of phase after, and those that depend on them."""
        held: set[MigrationId] = set()
        for migration in self.pending() if phase == "before" else ():  # in their order: dependents come later
            if migration.phase == "after" or not held.isdisjoint(dependencies(migration)):
                held.add(migration.id)
        return held

    def not_remade(self, phase: Phase | None) -> set[MigrationId]:
        """Which repeatable ones a run of `phase` may not undo: cut off, it would leave them until a later phase."""
        later = {one.id for one in self.migrations if one.is_repeatable and one.phase == "after"}
        return self.held_back(phase) | (later if phase == "before" else set())

    def due(self, phase: Phase | None) -> list[Migration]:
        """What is pending without what a run of `phase` leaves."""
        held = self.held_back(phase)
        return [migration for migration in self.pending() if migration.id not in held]

    def is_applied(self, id_: MigrationId) -> bool:
        row = self.rows.get(id_)
        return row is not None and row.state == "applied"

    def missing(self) -> list[Row]:
        """What is applied, or undone only in part, and has no file; the latest executed first."""
        found = [row for row in self.rows.values() if row.id not in self.by_id]
        found.sort(key=lambda row: -row.serial)
        return [row for row in found if row.state == "applied" or row.state in UNFINISHED_REVERTS]

    def changed(self) -> list[Migration]:
        """Applied migrations whose up part is another today, which is no fault of a repeatable one."""
        return [
            migration
            for migration in self.migrations
            if self.is_applied(migration.id)
            and self.rows[migration.id].checksum != migration.checksum
            and not migration.is_repeatable
        ]


def know(migrations: Sequence[Migration], rows: Iterable[Row], is_on: Callable[[str], bool]) -> Known:
    """Bring the migrations, in their order, and the history together; `is_on` tells whether a feature is."""
    rows_by_id = {row.id: row for row in rows}
    disabled: set[MigrationId] = set()
    for migration in migrations:
        row = rows_by_id.get(migration.id)
        if row and (row.checksum == migration.checksum or not migration.is_repeatable):
            continue
        off = migration.feature is not None and not is_on(migration.feature)
        if off or not disabled.isdisjoint(dependencies(migration)):
            disabled.add(migration.id)
    by_id = {migration.id: migration for migration in migrations}
    return Known(tuple(migrations), rows_by_id, disabled, by_id)


def in_order(known: Known) -> list[MigrationId]:
    """All ids: those of the files in their order, and those without a file where their names would sort."""
    missing = [id_ for id_ in known.rows if id_ not in known.by_id]
    missing.sort(key=lambda id_: id_.sort_key, reverse=True)  # the first one last, where it is cheap to take
    found: list[MigrationId] = []
    for migration in known.migrations:
        while missing and missing[-1].sort_key < migration.id.sort_key:
            found.append(missing.pop())
        found.append(migration.id)
    return found + missing[::-1]


def out_of_order(known: Known) -> set[MigrationId]:
    """The applied ones that ran after one that comes later in the order, and the pending ones that will."""
    found = set()
    first_later = float("inf")
    for migration in reversed(known.migrations):
        if migration.id in known.disabled or migration.is_repeatable:
            continue
        row = known.rows.get(migration.id)
        if first_later < (row.serial if row else float("inf")):
            found.add(migration.id)
        if row:
            first_later = min(first_later, row.serial)
    return found


def state_of(id_: MigrationId, known: Known, *, locked: bool, running: MigrationId | None = None) -> State:
    """The state to show; `locked` tells whether some process holds the lock, `running` what that is working on."""
    row = known.rows.get(id_)
    if running == id_:
        return "running"
    if row is None:
        return "disabled" if id_ in known.disabled else "pending"
    if row.state in ("running", "reverting"):
        return "running" if locked else "failed"
    if row.state != "applied":
        return "failed"
    migration = known.by_id.get(id_)
    if migration is None:
        return "missing"
    if known.is_outdated(migration):
        return "disabled" if id_ in known.disabled else "pending"
    return "applied" if migration.checksum == row.checksum else "changed"


def fingerprint(known: Known, id_: MigrationId) -> str:
    """A text that is the same as long as one migration has the same file and the same row in the history."""
    row, migration = known.rows.get(id_), known.by_id.get(id_)
    what = [row and [row.serial, *row[2:7]], migration and [migration.hash, migration.checksum]]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def find_id(text: str, known: Known) -> MigrationId:
    """The id that `text` writes, of a file or of the history. Raises PlanError."""
    id_ = MigrationId._make(text.partition(".")[::2])
    if id_ not in known.by_id and id_ not in known.rows:
        ids = map(str, {**known.by_id, **known.rows})
        hint = nearest(text, ids) or N_(" An id is written <app_label>.<timestamp>_<name>; migrations_show lists them.")
        raise PlanError(N_("There is no migration {text!r}.{hint}", text=text, hint=hint))
    return id_


def check_app(app: str | None, known: Known, labels: Collection[str]) -> None:
    """Raise PlanError for a label that neither an app nor a migration has."""
    apps = {*labels, *(id_.app for id_ in known.by_id), *(id_.app for id_ in known.rows)}
    if app is not None and app not in apps:
        raise no_app(app, apps)


def renamed(known: Known, pending: Iterable[Migration]) -> Iterator[tuple[MigrationId, Migration]]:
    """Ids in the history without a file whose SQL one of `pending` has, each with that one."""
    missing = {row.checksum: row.id for row in known.rows.values() if row.id not in known.by_id}
    for migration in pending:
        old = missing.get(migration.checksum)
        if old and migration.checksum != _EMPTY:
            yield old, migration


def renamed_cure(old: MigrationId, migration: Migration, known: Known) -> str:
    """What to do where `migration` has the SQL of `old`, as `renamed` finds it."""
    if known.is_outdated(migration):  # it has a row of its own, so the other cannot be renamed to it
        return N_(
            "Undo {old} first, which would drop what {new} makes: migrations_revert --missing",
            old=old,
            new=migration.id,
        )
    return N_("If it was renamed: migrations_repair --renamed {old}={new}", old=old, new=migration.id)


def refuse_unfinished_reverts(rows: Iterable[Row]) -> None:
    half_done = [row for row in rows if row.state in UNFINISHED_REVERTS]
    if half_done:
        found, apps = [str(row.id) for row in half_done], sorted({row.id.app for row in half_done})
        raise PlanError(
            N_(
                "{ids}: reverted only in part. Nothing was done. Run migrations_revert {app} to go on with it, or, if "
                "it was settled by hand, migrations_repair --mark-reverted or --mark-applied.",
                ids=", ".join(found),
                app=apps[0],
            )
        )
