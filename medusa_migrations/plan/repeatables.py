"""Repeatable migrations in a run: which have to go for what it applies, and are made again at its end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Migration, MigrationId, dependencies, dropped_by

from .backwards import children_first, down_step, with_dependents
from .known import Known
from .steps import Step


def with_undone(steps: Sequence[Step], known: Known, held: Collection[MigrationId] = ()) -> tuple[Step, ...]:
    """`steps`, each with what it undoes, and behind them those that make that again.

    Raises PlanError for one that has no down part, or is `held` back for a later phase, for one that needs what is
    still to come, and for what was begun without the transaction that it would have to go in.
    """
    undoing = _Undoing(steps, known)
    found = undoing.steps()
    _refuse_held(undoing.gone & set(held))
    _refuse_too_early(found, known)
    return found


class _Undoing:
    """Goes through the migrations in their order; `standing` are the repeatable ones that are applied at that point."""

    def __init__(self, steps: Sequence[Step], known: Known) -> None:
        self.asked = {step.id: step for step in steps}
        self.known = known
        self.standing = {id_ for id_ in known.rows if id_.is_repeatable and id_ in known.by_id}
        self.gone: set[MigrationId] = set()

    def steps(self) -> tuple[Step, ...]:
        found: list[Step] = []
        for migration in self.known.migrations:  # the repeatable ones are last, each behind what it depends on
            step = self.asked.get(migration.id)
            if step is None and migration.id in self.gone and migration.id not in self.known.disabled:
                row = self.known.rows[migration.id]
                step = Step(migration.id, Direction.UP, migration, migration.up, row=row)
            if step is not None:
                undone = self._undone(migration)
                _refuse_begun(step, undone)
                found.append(step._replace(undoes=undone))
        return _joined(found)

    def _undone(self, migration: Migration) -> tuple[Step, ...]:
        """What has to go before `migration`: what it drops or replaces, and before that what depends on it."""
        named = {migration.id} if migration.replace else dropped_by(migration)
        chosen = {id_ for id_ in named if id_ in self.standing}
        going = with_dependents(self.known, chosen, refuse=False) & self.standing
        self.standing -= going
        self.gone |= going
        order = children_first([self.known.rows[id_] for id_ in going], self.known)
        undone = tuple(down_step(row, self.known) for row in order)
        _refuse_irreversible(migration, undone)
        return undone


def _refuse_held(held: Collection[MigrationId]) -> None:
    if held:
        raise PlanError(
            N_(
                "{ids}: would have to go for what this run applies, and is held back for phase after, so it could not "
                "be made again. Nothing was run. Have what drops it run in phase after too.",
                ids=", ".join(map(str, held)),
            )
        )


def _refuse_too_early(steps: Sequence[Step], known: Known) -> None:
    """Raise PlanError for what is made as its file says today, and depends on what these `steps` do not apply."""
    there = {step.id for step in steps}
    outdated = [step.migration for step in steps if step.migration and known.is_outdated(step.migration)]
    for migration in outdated:
        lacking = [str(id_) for id_ in dependencies(migration) if id_ not in there and not known.is_applied(id_)]
        if lacking:
            raise PlanError(
                N_(
                    "{id} would have to go for what this run applies, and could not be made again: it depends on "
                    "{missing}, which this run leaves out. Nothing was run. Run more at once, with a later --to, or "
                    "without it and without an app.",
                    id=migration.id,
                    missing=", ".join(lacking),
                )
            )


def _refuse_begun(step: Step, undone: Iterable[Step]) -> None:
    """Raise PlanError for what goes on behind statements that are done: what it undoes would need its transaction."""
    names = " ".join(str(one.id) for one in undone)
    if names and step.goes_on:
        raise PlanError(
            N_(
                "{id} was begun without a transaction and goes on without one, so nothing can be undone in it: {ids}. "
                "Nothing was run. Drop by hand what that makes, record it with migrations_repair --mark-reverted "
                "{ids}, and run migrations_run again: it is made again at the end.",
                id=step.id,
                ids=names,
            )
        )


def _refuse_irreversible(migration: Migration, undone: Iterable[Step]) -> None:
    lacking = [step.id for step in undone if step.part is None]
    if lacking:
        names = ", ".join(map(str, lacking))
        raise PlanError(
            N_(
                "{id} needs {ids} dropped first, and nothing says how: neither the file as it was applied nor the "
                "history has a down part. Nothing was run. Write `-- migrate:down` into the file of {first} as it was "
                "applied and build, or drop it by hand and forget it with migrations_repair --mark-reverted {first}",
                id=migration.id,
                ids=names,
                first=lacking[0],
            )
        )


def _joined(steps: Sequence[Step]) -> tuple[Step, ...]:
    """`steps`, where those from a replaced one up to the last of what goes with it share a transaction.

    So a failure leaves all of them as they were.
    """
    places = {step.id: place for place, step in enumerate(steps)}
    joining: set[int] = set()
    for place, step in enumerate(steps):
        if step.id.is_repeatable:
            last = max((places.get(one.id, place) for one in step.undoes), default=place)
            joining.update(range(place + 1, last + 1))
    return tuple(step._replace(joins=place in joining) for place, step in enumerate(steps))
