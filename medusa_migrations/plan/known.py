"""What is to be done: from the ordered migrations, the history and what is asked, to a Plan or the reason why not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from medusa_migrations.errors import PlanError, nearest
from medusa_migrations.files.order import dependencies, sort_after
from medusa_migrations.migration import Direction, Migration, MigrationId, Part, State, checksum

UNFINISHED_REVERTS = ("reverting", "revert_failed")


class Row(NamedTuple):
    """A row of the history. `state` is applied, or running, failed, reverting, revert_failed: unfinished.

    `serial` is the order of execution. From `run` on all is as here where it was not read; `down` is the stored part,
    None for none.
    Of an unfinished one, `checksum` covers the `statements_done` of the up part; while it is being reverted,
    `finished_checksum` covers those of the down part.
    """

    serial: int
    id: MigrationId
    checksum: str
    state: str
    statements_done: int = 0
    finished_checksum: str | None = None
    run: str | None = None
    applied_at: datetime | None = None
    duration_ms: int | None = None
    applied_by: str = ""
    error: str = ""
    down: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One migration to carry out.

    `part` is what to send, of `migration`'s file, or of `stored` where that is given; None if only the history is
    to be written. `row` is its row in the history so far.
    """

    id: MigrationId
    direction: Direction
    migration: Migration | None = None
    part: Part | None = None
    stored: str | None = None
    row: Row | None = None
    out_of_order: bool = False

    def is_transactional(self, mode: str) -> bool:
        """Whether the part runs in a transaction: as its marker says, else unless the mode is none.

        What was begun statement by statement goes on like that.
        """
        if self.row and self.row.state != "applied" and self.row.statements_done:
            return False
        said = self.part.transaction if self.part else None
        return mode != "none" if said is None else said


@dataclass(frozen=True, slots=True)
class Plan:
    direction: Direction
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of the migrations: the built ones in their order, and the history by id."""

    migrations: tuple[Migration, ...]
    rows: Mapping[MigrationId, Row]
    disabled: Collection[MigrationId]
    by_id: Mapping[MigrationId, Migration]

    def pending(self) -> list[Migration]:
        """What has not been applied in full, disabled ones left out."""
        return [
            migration
            for migration in self.migrations
            if migration.id not in self.disabled and not self.is_applied(migration.id)
        ]

    def is_applied(self, id_: MigrationId) -> bool:
        row = self.rows.get(id_)
        return row is not None and row.state == "applied"

    def changed(self) -> list[Migration]:
        """Applied migrations whose up part is another today."""
        return [
            migration
            for migration in self.migrations
            if self.is_applied(migration.id) and self.rows[migration.id].checksum != migration.checksum
        ]


def know(migrations: Sequence[Migration], rows: Iterable[Row], is_on: Callable[[str], bool]) -> Known:
    """Bring the migrations, in their order, and the history together; `is_on` tells whether a feature is."""
    rows_by_id = {row.id: row for row in rows}
    disabled: set[MigrationId] = set()
    for migration in migrations:
        if migration.id in rows_by_id:
            continue
        off = migration.feature is not None and not is_on(migration.feature)
        if off or not disabled.isdisjoint(dependencies(migration)):
            disabled.add(migration.id)
    by_id = {migration.id: migration for migration in migrations}
    return Known(tuple(migrations), rows_by_id, disabled, by_id)


def out_of_order(known: Known) -> set[MigrationId]:
    """The applied ones that ran after one that comes later in the order, and the pending ones that will."""
    found = set()
    first_later = float("inf")
    for migration in reversed(known.migrations):
        if migration.id in known.disabled:
            continue
        row = known.rows.get(migration.id)
        if first_later < (row.serial if row else float("inf")):
            found.add(migration.id)
        if row:
            first_later = min(first_later, row.serial)
    return found


def plan_run(known: Known, *, app: str | None = None, to: str | None = None, labels: Collection[str] = ()) -> Plan:
    """What `migrations_run` does: all pending, of `app` and what it depends on, up to `to`.

    `labels` are the installed apps'. Raises PlanError if the history does not allow it, or for an unknown name.
    """
    check_app(app, known, labels)
    _refuse_unfinished_reverts(known.rows.values())
    _refuse_changed(known)
    pending = known.pending()
    _refuse_renamed(known, pending)
    _refuse_unfinished_without_file(known, pending)
    if to is not None:
        last = find_id(to, known)
        if last not in known.by_id:
            raise PlanError(f"{last} is applied, but there is no file for it any more: it has no place in the order.")
        if last in known.disabled:
            raise PlanError(f"{last} does not run: its feature, or that of one it depends on, is off.")
        position = [migration.id for migration in known.migrations].index(last)
        up_to = {migration.id for migration in known.migrations[: position + 1]}
        pending = [migration for migration in pending if migration.id in up_to]
    if app is not None:
        wanted = _with_dependencies(known, [migration.id for migration in pending if migration.id.app == app])
        pending = [migration for migration in pending if migration.id in wanted]
    late = out_of_order(known) if pending else set()
    return Plan(
        Direction.UP,
        tuple(
            Step(
                migration.id,
                Direction.UP,
                migration,
                migration.up,
                row=known.rows.get(migration.id),
                out_of_order=migration.id in late,
            )
            for migration in pending
        ),
    )


def plan_revert(
    known: Known,
    *,
    app: str | None = None,
    steps: int | None = None,
    to: str | None = None,
    last_run: bool = False,
    everything: bool = False,
    fake: bool = False,
    labels: Collection[str] = (),
) -> Plan:
    """What `migrations_revert` does: the last one by the order of execution, or what the options say.

    With `fake` only the history is written, so that a down part is not needed.
    Raises PlanError for an unknown name, for an irreversible one and for dependents that would be left.
    """
    check_app(app, known, labels)
    rows = sorted(known.rows.values(), key=lambda row: -row.serial)
    mine = [row for row in rows if app is None or row.id.app == app]
    half_done = [row for row in mine if row.state in UNFINISHED_REVERTS]
    next_first = half_done + [row for row in mine if row not in half_done]
    chosen = {row.id for row in next_first[: 1 if steps is None else steps]}
    stays: MigrationId | None = None
    if everything:
        chosen = {row.id for row in mine}
    elif last_run:
        chosen = {row.id for row in mine if row is mine[0] or (row.run and row.run == mine[0].run)}
    elif to is not None:
        stays = find_id(to, known)
        if not known.is_applied(stays):
            raise PlanError(f"{stays} is not applied, so nothing can be reverted to it. migrations_show lists what is.")
        chosen = {row.id for row in mine if row.serial > known.rows[stays].serial}
    takes_dependents = app is None and (to is not None or last_run or everything)
    chosen = _dependents(known, chosen, refuse=not takes_dependents)
    if stays in chosen:
        raise PlanError(f"{stays} depends on what would be reverted, so it cannot stay. Name an earlier migration.")
    if not fake:
        _refuse_unfinished([row for row in rows if row.id in chosen])
        _refuse_unfinished_reverts([row for row in rows if row.id not in chosen])
    order = _children_first([row for row in rows if row.id in chosen], known)
    planned = [_revert_step(row, known) for row in order]
    irreversible = [step for step in planned if step.part is None]
    if irreversible and not fake:
        raise PlanError("\n".join(_why_irreversible(step, known) for step in irreversible) + "\nNothing was reverted.")
    return Plan(Direction.DOWN, tuple(planned))


def refuse_mode_all(plan: Plan) -> None:
    """Raise PlanError if one transaction cannot hold all of `plan`."""
    alone = [str(step.id) for step in plan.steps if step.part and not step.is_transactional("all")]
    if alone:
        raise PlanError(
            f"{', '.join(alone)}: marked transaction:false, or begun without one, so it cannot share a transaction. "
            "Nothing was run. Use --transaction each, or set it apart: --to names the last one to run."
        )


def fingerprint(plan: Plan, mode: str) -> str:
    """A text that is the same for two plans if and only if both send the same, in the same way, from the same history.

    `mode` is that of the transactions, as in Options.
    """
    steps = [
        [
            str(step.id),
            step.migration.hash if step.migration else None,
            step.stored,
            [step.row.serial, step.row.state, step.row.checksum, step.row.statements_done] if step.row else None,
            step.is_transactional(mode),
        ]
        for step in plan.steps
    ]
    return hashlib.sha256(json.dumps([plan.direction, mode, steps]).encode()).hexdigest()


def find_id(text: str, known: Known) -> MigrationId:
    """The id that `text` writes, of a file or of the history. Raises PlanError."""
    ids = {str(id_): id_ for id_ in (*known.by_id, *known.rows)}
    if text not in ids:
        hint = nearest(text, ids) or " An id is written <app_label>.<timestamp>_<name>; migrations_show lists them."
        raise PlanError(f"There is no migration {text!r}.{hint}")
    return ids[text]


def check_app(app: str | None, known: Known, labels: Collection[str]) -> None:
    """Raise PlanError for a label that neither an app nor a migration has."""
    apps = {*labels, *(id_.app for id_ in known.by_id), *(id_.app for id_ in known.rows)}
    if app is not None and app not in apps:
        raise PlanError(f"There is no app with the label {app!r}.{nearest(app, apps)}")


def in_order(known: Known) -> list[MigrationId]:
    """All ids: those of the files in their order, and those without a file where their names would sort."""
    missing = sorted((id_ for id_ in known.rows if id_ not in known.by_id), key=lambda id_: id_.sort_key)
    found: list[MigrationId] = []
    for migration in known.migrations:
        while missing and missing[0].sort_key < migration.id.sort_key:
            found.append(missing.pop(0))
        found.append(migration.id)
    return found + missing


def state_of(id_: MigrationId, known: Known, *, locked: bool, running: str | None = None) -> State:
    """The state to show; `locked` tells whether some process holds the lock, `running` what that is working on."""
    row = known.rows.get(id_)
    if running == str(id_):
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
    return "applied" if migration.checksum == row.checksum else "changed"


def _refuse_unfinished_reverts(rows: Iterable[Row]) -> None:
    half_done = [row for row in rows if row.state in UNFINISHED_REVERTS]
    if half_done:
        found, apps = [str(row.id) for row in half_done], sorted({row.id.app for row in half_done})
        raise PlanError(
            f"{', '.join(found)}: reverted only in part. Nothing was done. Run migrations_revert {apps[0]} to go on "
            "with it, or, if it was settled by hand, migrations_repair --mark-reverted or --mark-applied."
        )


def _refuse_unfinished(rows: Iterable[Row]) -> None:
    found = [str(row.id) for row in rows if row.state in ("running", "failed")]
    if found:
        raise PlanError(
            f"{', '.join(found)}: applied only in part. Nothing was reverted. Run migrations_run to go on with it, or "
            "settle it by hand and record that with migrations_repair --mark-applied or --mark-reverted."
        )


def _refuse_changed(known: Known) -> None:
    changed = known.changed()
    if changed:
        names = "\n".join(f"  {migration.id} ({migration.source})" for migration in changed)
        raise PlanError(
            f"Changed since it was applied, so nothing was run:\n{names}\nBring the file back as it was and put the "
            "change into a new migration, or, if what the file says today is what the database has, record that with "
            f"migrations_repair --accept-changes {' '.join(str(migration.id) for migration in changed)}"
        )


def _refuse_renamed(known: Known, pending: Iterable[Migration]) -> None:
    missing = {row.checksum: row.id for row in known.rows.values() if row.id not in known.by_id}
    for migration in pending:
        old = missing.get(migration.checksum)
        if old and migration.checksum != _EMPTY:
            raise PlanError(
                f"{migration.id} is pending and has the SQL of {old}, which is applied and has no file any more. "
                f"Nothing was run. If it was renamed: migrations_repair --renamed {old}={migration.id}"
            )


def _refuse_unfinished_without_file(known: Known, pending: Iterable[Migration]) -> None:
    """One that was begun and renamed would be done from its start again."""
    apps = {migration.id.app for migration in pending}
    for row in known.rows.values():
        if row.state != "applied" and row.id not in known.by_id and row.id.app in apps:
            raise PlanError(
                f"{row.id} was begun and is not finished, and has no file any more. Nothing was run. Bring the file "
                f"back; or, if it was renamed, migrations_repair --renamed {row.id}=NEW; or, if it was undone by "
                f"hand, migrations_repair --mark-reverted {row.id}"
            )


_EMPTY = checksum("")


def _with_dependencies(known: Known, ids: Iterable[MigrationId]) -> set[MigrationId]:
    """`ids` and all that they depend on."""
    by_id = known.by_id
    found: set[MigrationId] = set()
    todo = list(ids)
    while todo:
        id_ = todo.pop()
        if id_ not in found:
            found.add(id_)
            todo += [other for other in dependencies(by_id[id_]) if other in by_id]
    return found


def _dependents(known: Known, chosen: set[MigrationId], *, refuse: bool) -> set[MigrationId]:
    """`chosen` and the applied migrations that depend on them; with `refuse`, those are an error."""
    found = set(chosen)
    for migration in known.migrations:  # in their order: what depends on a dependent comes later
        needed = [str(other) for other in dependencies(migration) if other in found]
        if needed and migration.id in known.rows and migration.id not in found:
            if refuse:
                raise PlanError(
                    f"{', '.join(needed)} cannot be reverted: {migration.id} depends on it and is applied. Nothing was "
                    f"reverted. Revert {migration.id} first, or use --to, which takes dependents along."
                )
            found.add(migration.id)
    return found


def _children_first(rows: Sequence[Row], known: Known) -> list[Row]:
    """`rows`, latest executed first, but never before one that depends on it."""
    needed_by: dict[MigrationId, set[MigrationId]] = {row.id: set() for row in rows}
    for row in rows:
        for other in dependencies(known.by_id[row.id]) if row.id in known.by_id else ():
            needed_by.setdefault(other, set()).add(row.id)
    order = sort_after(needed_by, lambda id_: -known.rows[id_].serial if id_ in known.rows else 0)
    chosen = {row.id for row in rows}
    return [known.rows[id_] for id_ in order if id_ in chosen]


def _revert_step(row: Row, known: Known) -> Step:
    """The built down part; the stored one if the file is missing or its up part is another."""
    migration = known.by_id.get(row.id)
    if migration and migration.checksum == row.checksum:
        return Step(row.id, Direction.DOWN, migration, migration.down, row=row)
    part = None
    if row.down is not None:
        from medusa_migrations.files.sqlfile import parse_stored  # few plans need it, and every run begins with a plan

        part = parse_stored(row.down, f"the stored down part of {row.id}")
    return Step(row.id, Direction.DOWN, migration, part, stored=row.down, row=row)


def _why_irreversible(step: Step, known: Known) -> str:
    migration = known.by_id.get(step.id)
    if migration is None:
        return (
            f"{step.id} cannot be reverted: it has no file, and the history no down part of it, as of every migration "
            "in Python, whose code is never stored. Bring the file back."
        )
    if step.row and migration.checksum != step.row.checksum:
        if migration.is_python:
            return (
                f"{step.id} cannot be reverted: {migration.source} has changed since, and code is run only as it was "
                "applied. Bring the file back as it was, or, if its down is right for what the database has, record "
                f"that first with migrations_repair --accept-changes {step.id}"
            )
        return f"{step.id} cannot be reverted: its file has changed since, and the history has no down part of it."
    down = "down(schema)" if migration.is_python else "`-- migrate:down`"
    return (
        f"{step.id} is irreversible: {migration.source} has no {down}. "
        "Write one, or undo it by hand and forget it with --fake."
    )
