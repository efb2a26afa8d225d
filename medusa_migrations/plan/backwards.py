"""What `migrations_revert` does, or why it may not."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.timezone import localtime

from medusa_migrations.errors import PlanError, nearest
from medusa_migrations.files.order import sort_after
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction, Migration, MigrationId, dependencies, dropped_by

from .known import UNFINISHED_REVERTS, Known, PastRun, Row, check_app, find_id, refuse_unfinished_reverts, renamed
from .steps import Plan, Step


class Backwards(NamedTuple):
    """What a revert is asked for: the last one by the order of execution, or what the fields say.

    `app` keeps to the migrations of one app. Of `steps` (the last so many), `to` (the id of the one that stays),
    `last_run`, `everything`, `missing` (those without a file), `to_release` (the release behind which all goes) and
    `since` (the moment behind which all goes) at most one is given. `runs` are those of the journal, the earliest
    first, if there is a release to look for. With `fake` only the history is written, so that a down part is not
    needed. `labels` are those of the installed apps, `sources` the ids of their files, built or not, as far as
    `missing` needs them. `run` is the mark of a run of a fleet: what it has applied goes, and nothing else.
    """

    app: str | None = None
    steps: int | None = None
    to: str | None = None
    last_run: bool = False
    everything: bool = False
    missing: bool = False
    to_release: str | None = None
    since: datetime | None = None
    runs: Sequence[PastRun] = ()
    fake: bool = False
    labels: Collection[str] = ()
    sources: Collection[MigrationId] = ()
    run: str | None = None

    @property
    def direction(self) -> Direction:
        return Direction.DOWN

    def plan(self, known: Known) -> Plan:
        """The steps that undo what is asked for, dependents first.

        Raises PlanError for an unknown name, for an irreversible migration, and for dependents that would be left.
        """
        check_app(self.app, known, self.labels)
        rows = sorted(known.rows.values(), key=lambda row: -row.serial)
        stays = self._stays(known)
        takes_dependents = self.app is None and self._takes_dependents()
        chosen = self._chosen(rows, known, stays)
        if not self.fake:
            chosen |= _dropped_for(chosen, known)
        if self.missing:
            _refuse_unbuilt(chosen, self.sources)
            _refuse_needed_by_files(chosen, known)
            _refuse_renamed(chosen, known)
        chosen = with_dependents(known, chosen, refuse=not takes_dependents)
        if stays in chosen:
            raise PlanError(
                N_(
                    "{stays} depends on what would be reverted, so it cannot stay. Name an earlier migration.",
                    stays=stays,
                )
            )
        if not self.fake:
            _refuse_unfinished([row for row in rows if row.id in chosen])
            refuse_unfinished_reverts([row for row in rows if row.id not in chosen])
        order = children_first([row for row in rows if row.id in chosen], known)
        steps = tuple(down_step(row, known) for row in order)
        if not self.fake:
            _refuse_irreversible(steps, known)
        return Plan(self.direction, steps)

    def _takes_dependents(self) -> bool:
        several = (self.to, self.to_release, self.since)
        return self.last_run or self.everything or any(one is not None for one in several)

    def _stays(self, known: Known) -> MigrationId | None:
        """The migration that `to` names, which must be applied."""
        if self.to is None:
            return None
        stays = find_id(self.to, known)
        if stays.is_repeatable:
            raise PlanError(N_("{stays} is repeatable, and stays in any case. Name one with a timestamp.", stays=stays))
        if not known.is_applied(stays):
            raise PlanError(
                N_(
                    "{stays} is not applied, so nothing can be reverted to it. migrations_show lists what is.",
                    stays=stays,
                )
            )
        return stays

    def _chosen(self, rows: Sequence[Row], known: Known, stays: MigrationId | None) -> set[MigrationId]:
        """Which of `rows`, latest first, are asked for; what is reverted only in part comes before all others.

        Repeatable ones stay, but where everything goes, or has no file.
        """
        mine = [row for row in rows if self.app is None or row.id.app == self.app]
        if self.everything:
            return {row.id for row in mine}
        if self.missing:
            return {row.id for row in mine} & {row.id for row in known.missing()}
        last = mine[0] if mine else None
        mine = [row for row in mine if not row.id.is_repeatable]
        if self.run is not None:
            return {row.id for row in mine if row.run == self.run}
        if self.last_run:
            return {row.id for row in mine if row is last or (last and row.run and row.run == last.run)}
        if stays is not None:
            return {row.id for row in mine if row.serial > known.rows[stays].serial}
        if self.since is not None:
            return {row.id for row in mine if _is_after(row, self.since)}
        if self.to_release is not None:
            return {row.id for row in _behind(self.to_release, self.runs, mine)}
        half_done = [row for row in mine if row.state in UNFINISHED_REVERTS]
        next_first = half_done + [row for row in mine if row.state not in UNFINISHED_REVERTS]
        return {row.id for row in next_first[: 1 if self.steps is None else self.steps]}


def _is_after(row: Row, moment: datetime) -> bool:
    return row.applied_at is not None and row.applied_at > moment


def _behind(release: str, runs: Sequence[PastRun], rows: Iterable[Row]) -> list[Row]:
    """Those of `rows` that are of runs behind the last one by which `release` has applied something.

    Of a run that the journal does not know the time tells: it was killed in its first migration. Raises PlanError.
    """
    last = _last_run_of(release, runs)
    before, behind = ({run.run for run in some} for some in (runs[: last + 1], runs[last + 1 :]))
    return [row for row in rows if row.run in behind or (row.run not in before and _is_after(row, runs[last].ended_at))]


def _last_run_of(release: str, runs: Sequence[PastRun]) -> int:
    """Where in `runs` the last one is by which `release` has applied something. Raises PlanError if none is."""
    last = max((at for at, run in enumerate(runs) if run.has_applied and run.release == release), default=None)
    if last is not None:
        return last
    ends: dict[str, datetime] = {}
    for run in reversed(runs):
        if run.has_applied and run.release:
            ends.setdefault(run.release, run.ended_at)
    latest = [f"{name} ({localtime(ended):%Y-%m-%d %H:%M:%S %Z})" for name, ended in itertools.islice(ends.items(), 5)]
    last_ones = (
        N_(
            "The last ones are {releases}. Nothing was reverted. Name the one before it, or a moment: --since.",
            releases=", ".join(latest),
        )
        if latest
        else N_("None that has a name has applied anything. Nothing was reverted. Name a moment: --since.")
    )
    raise PlanError(
        N_(
            "The journal has no run of the release {release!r}: one that had nothing to apply leaves no entry.{hint} "
            "{last_ones}",
            release=release,
            hint=nearest(release, ends),
            last_ones=last_ones,
        )
    )


def _refuse_irreversible(steps: Sequence[Step], known: Known) -> None:
    _refuse_for([_why_irreversible(step, known) for step in steps if step.part is None and not step.forgets])


def _refuse_unfinished(rows: Iterable[Row]) -> None:
    found = [str(row.id) for row in rows if row.state in ("running", "failed")]
    if found:
        raise PlanError(
            N_(
                "{ids}: applied only in part. Nothing was reverted. Run migrations_run to go on with it, or settle it "
                "by hand and record that with migrations_repair --mark-applied or --mark-reverted.",
                ids=", ".join(found),
            )
        )


def _refuse_unbuilt(missing: Collection[MigrationId], sources: Collection[MigrationId]) -> None:
    """Raise PlanError for those of `missing` that are so in the build alone."""
    _refuse_for(
        [N_("{id} has a file, which is not built: run migrations_build.", id=id_) for id_ in sources if id_ in missing]
    )


def _refuse_needed_by_files(missing: Collection[MigrationId], known: Known) -> None:
    """Raise PlanError for those of `missing` that a migration with a file depends on, applied or not."""
    _refuse_for(
        [
            _why_needed(needed, one, is_applied=one.id in known.rows)
            for one in known.migrations
            for needed in dependencies(one)
            if needed in missing
        ]
    )


def _why_needed(needed: MigrationId, dependent: Migration, *, is_applied: bool) -> str:
    cure = (
        N_("Bring the file of {needed} back, or revert {id} first.", needed=needed, id=dependent.id)
        if is_applied
        else N_("Bring the file of {needed} back, or take away {id} first.", needed=needed, id=dependent.id)
    )
    return N_(
        "{needed} cannot be reverted: {file} depends on it. {cure}", needed=needed, file=dependent.source, cure=cure
    )


def _refuse_renamed(missing: Collection[MigrationId], known: Known) -> None:
    """Raise PlanError for those of `missing` that a pending one would do again under another name."""
    _refuse_for(
        [
            N_(
                "{old} has no file, but {new} is pending and has its SQL. If it was renamed: migrations_repair "
                "--renamed {old}={new}",
                old=old,
                new=new.id,
            )
            for old, new in renamed(known, known.pending())
            if old in missing and not known.is_outdated(new)
        ]
    )


def _refuse_for(reasons: Sequence[str]) -> None:
    if reasons:
        raise PlanError(joined("\n", [*reasons, N_("Nothing was reverted.")]))


def _dropped_for(chosen: Iterable[MigrationId], known: Known) -> set[MigrationId]:
    """The applied repeatable migrations that were in the way of some of `chosen`, and so are of undoing them."""
    found = (dropped_by(known.by_id[id_]) for id_ in chosen if id_ in known.by_id)
    return {id_ for ids in found for id_ in ids if id_ in known.rows}


def with_dependents(known: Known, chosen: set[MigrationId], *, refuse: bool) -> set[MigrationId]:
    """`chosen` and the applied migrations that depend on them; with `refuse`, those with a timestamp are an error."""
    found = set(chosen)
    for migration in known.migrations:  # in their order: what depends on a dependent comes later
        needed = [str(other) for other in dependencies(migration) if other in found]
        if needed and migration.id in known.rows and migration.id not in found:
            if refuse and not migration.is_repeatable:
                raise PlanError(
                    N_(
                        "{ids} cannot be reverted: {dependent} depends on it and is applied. Nothing was reverted. "
                        "Revert {dependent} first, or use --to, or --all without an app: these take dependents along.",
                        ids=", ".join(needed),
                        dependent=migration.id,
                    )
                )
            found.add(migration.id)
    return found


def children_first(rows: Sequence[Row], known: Known) -> list[Row]:
    """`rows`, latest executed first, but never before one that depends on it, or that it had to drop.

    Those of one app stay in their own order meanwhile, as they build on each other without saying so: the history of
    another tool is read app by app, and then what was needed may be recorded behind what needs it.
    """
    needed_by: dict[MigrationId, set[MigrationId]] = {row.id: set() for row in rows}
    for migration in (known.by_id[row.id] for row in rows if row.id in known.by_id):
        for other in dependencies(migration):
            needed_by.setdefault(other, set()).add(migration.id)
        needed_by[migration.id].update(dropped_by(migration))
    following = _following_of_app(rows)

    def in_order(needed_by: Mapping[MigrationId, set[MigrationId]]) -> list[MigrationId]:
        return sort_after(needed_by, lambda id_: -known.rows[id_].serial if id_ in known.rows else 0)

    order = in_order({id_: ids | following.get(id_, set()) for id_, ids in needed_by.items()})
    if len(order) < len(needed_by):  # what an app says of itself is against the order in which it was recorded
        order = in_order(needed_by)
    chosen = {row.id for row in rows}
    return [known.rows[id_] for id_ in order if id_ in chosen]


def _following_of_app(rows: Iterable[Row]) -> dict[MigrationId, set[MigrationId]]:
    """For each that has a timestamp the one of its app that was executed next."""
    in_turn = sorted((row.id.app, row.serial, row.id) for row in rows if not row.id.is_repeatable)
    return {id_: {after} for (app, _, id_), (its_app, _, after) in itertools.pairwise(in_turn) if app == its_app}


def down_step(row: Row, known: Known) -> Step:
    """The step that sends the built down part; the stored one if the file is missing or its up part is another."""
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
        return N_(
            "{id} cannot be reverted: it has no file, and the history no down part of it, as of every migration in "
            "Python, whose code is never stored. Bring the file back. Or undo it by hand, and forget it with "
            "migrations_repair --mark-reverted {id}",
            id=step.id,
        )
    if step.row and migration.checksum != step.row.checksum:
        if migration.is_python:
            return N_(
                "{id} cannot be reverted: {file} has changed since, and code is run only as it was applied. Bring the "
                "file back as it was, or, if its down is right for what the database has, record that first with "
                "migrations_repair --accept-changes {id}",
                id=step.id,
                file=migration.source,
            )
        return N_(
            "{id} cannot be reverted: its file has changed since, and the history has no down part of it.", id=step.id
        )
    down = "down(schema)" if migration.is_python else "`-- migrate:down`"
    return N_(
        "{id} is irreversible: {file} has no {down}. Write one, or undo it by hand and forget it with --fake.",
        id=step.id,
        file=migration.source,
        down=down,
    )
