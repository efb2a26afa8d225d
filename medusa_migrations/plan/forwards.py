"""What `migrations_run` does, or why it may not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction, Migration, MigrationId, Phase, dependencies

from .known import Known, check_app, find_id, out_of_order, refuse_unfinished_reverts, renamed, renamed_cure
from .steps import Plan, Step


class Forwards(NamedTuple):
    """What a run is asked for: all that is pending, of `app` and what that depends on, up to the id `to`.

    `labels` are those of the installed apps. With `strict` a late arrival stops it, but for those of the apps with the
    labels `exempt`. In the `phase` before, what is of phase after is left, and what depends on that. With `fake` only
    the history is written, so that nothing has to go for it.
    """

    app: str | None = None
    to: str | None = None
    labels: Collection[str] = ()
    strict: bool = False
    exempt: Collection[str] = ()
    phase: Phase | None = None
    fake: bool = False

    @property
    def direction(self) -> Direction:
        return Direction.UP

    def plan(self, known: Known) -> Plan:
        """The steps that apply what is asked for, in the order of the migrations.

        Raises PlanError if the history does not allow it, and for an unknown name.
        """
        check_app(self.app, known, self.labels)
        refuse_unfinished_reverts(known.rows.values())
        _refuse_changed(known)
        pending = known.pending()
        _refuse_renamed(known, pending)
        _refuse_unfinished_without_file(known, pending)
        held = known.held_back(self.phase)
        asked = self._asked(pending, known, held)
        due = [migration for migration in asked if migration.id not in held]
        steps = steps_of(due, known, known.not_remade(self.phase), fake=self.fake)
        if self.strict:
            _refuse_late([step.migration for step in steps if step.migration and step.out_of_order], known, self.exempt)
        return Plan(
            self.direction,
            steps,
            missing=tuple(row.id for row in known.missing() if self.app is None or row.id.app == self.app),
            held_back=tuple(migration for migration in asked if migration.id in held),
        )

    def _asked(self, pending: list[Migration], known: Known, held: Collection[MigrationId]) -> list[Migration]:
        """Those of `pending` that `to` and `app` ask for. Raises PlanError for a `to` that cannot run, or is `held`."""
        if self.to is not None:
            up_to = _up_to(self.to, known, held)
            pending = [migration for migration in pending if migration.id in up_to]
        if self.app is not None:
            wanted = _with_dependencies(known, [one.id for one in pending if one.id.app == self.app])
            pending = [migration for migration in pending if migration.id in wanted]
        return pending


def steps_of(
    due: Sequence[Migration], known: Known, held: Collection[MigrationId] = (), *, fake: bool = False
) -> tuple[Step, ...]:
    """The steps that apply those `due`, and at their end the repeatable migrations that have to go for that.

    With `fake` nothing is applied, so none has to. Raises PlanError for such a one that cannot be undone, or is `held`
    back and so cannot be made again.
    """
    late = out_of_order(known) if due else set()
    steps = tuple(_step(migration, known, late) for migration in due)
    if fake or not any(migration.replace or migration.drops for migration in due):
        return steps
    from .repeatables import with_undone  # most projects have none, and every run begins with a plan

    return with_undone(steps, known, held)


def _step(migration: Migration, known: Known, late: Collection[MigrationId]) -> Step:
    row = known.rows.get(migration.id)
    return Step(migration.id, Direction.UP, migration, migration.up, row=row, out_of_order=migration.id in late)


def _up_to(text: str, known: Known, held: Collection[MigrationId]) -> set[MigrationId]:
    """The migration that `text` names and all before it. Raises PlanError for one that cannot run."""
    last = find_id(text, known)
    if last not in known.by_id:
        raise PlanError(
            N_("{id} is applied, but there is no file for it any more: it has no place in the order.", id=last)
        )
    if last in known.disabled:
        raise PlanError(N_("{id} does not run: its feature, or that of one it depends on, is off.", id=last))
    if last in held:
        raise PlanError(
            N_(
                "{id} is held back: it, or one that it depends on, is of phase after. Nothing was run. Run it when "
                "the new code is live: migrations_run --phase after --to {id}",
                id=last,
            )
        )
    ids = [migration.id for migration in known.migrations]
    return set(ids[: ids.index(last) + 1])


def _refuse_changed(known: Known) -> None:
    changed = known.changed()
    if changed:
        names = "\n".join(f"  {migration.id} ({migration.source})" for migration in changed)
        raise PlanError(
            N_(
                "Changed since it was applied, so nothing was run:\n{migrations}\nBring the file back as it was and "
                "put the change into a new migration. Or, in development, undo it as it was applied with "
                "migrations_revert, and run it as it is now. Or, if what the file says today is what the database "
                "has, record that with migrations_repair --accept-changes {ids}",
                migrations=names,
                ids=" ".join(str(migration.id) for migration in changed),
            )
        )


def _refuse_renamed(known: Known, pending: Iterable[Migration]) -> None:
    for old, migration in renamed(known, pending):
        raise PlanError(
            N_(
                "{id} is pending and has the SQL of {old}, which is applied and has no file any more. Nothing was "
                "run. {cure}",
                id=migration.id,
                old=old,
                cure=renamed_cure(old, migration, known),
            )
        )


def _refuse_unfinished_without_file(known: Known, pending: Iterable[Migration]) -> None:
    """One that was begun and renamed would be done from its start again."""
    apps = {migration.id.app for migration in pending}
    for row in known.rows.values():
        if row.state != "applied" and row.id not in known.by_id and row.id.app in apps:
            raise PlanError(
                N_(
                    "{id} was begun and is not finished, and has no file any more. Nothing was run. Bring the file "
                    "back; or, if it was renamed, migrations_repair --renamed {id}=NEW; or, if it was undone by hand, "
                    "migrations_repair --mark-reverted {id}",
                    id=row.id,
                )
            )


def _refuse_late(pending: Iterable[Migration], known: Known, exempt: Collection[str]) -> None:
    """Raise PlanError for those of `pending` that come before an applied one, unless something excuses them.

    Neither of the two is of an app whose label is in `exempt`. What has begun goes on.
    """
    fresh = [one.id for one in pending if one.id.app not in exempt and one.id not in known.rows]
    late = {id_: behind for id_ in fresh if (behind := _applied_behind(id_, known, exempt))}
    arrivals = {id_: behind for id_, behind in late.items() if not _is_excused(id_, known)}
    if arrivals:
        names = joined(
            "\n",
            (
                N_("  {id} comes before {behind}, which is applied", id=id_, behind=behind)
                for id_, behind in arrivals.items()
            ),
        )
        cures = ", ".join(f"migrations_rebase {app}" for app in sorted({id_.app for id_ in arrivals}))
        raise PlanError(
            N_(
                "Late arrivals are refused, so nothing was run:\n{arrivals}\nIf a branch of your own brings them, "
                "give them new timestamps with {commands}. To run them as they are: migrations_run --no-strict",
                arrivals=names,
                commands=cures,
            )
        )


def _is_excused(id_: MigrationId, known: Known) -> bool:
    """Whether it may have been held back: by a feature that was off, or by its phase, or those of one it depends on."""
    needed = (known.by_id[one] for one in _with_dependencies(known, [id_]))
    return any(one.feature or one.phase == "after" for one in needed)


def _applied_behind(id_: MigrationId, known: Known, exempt: Collection[str]) -> MigrationId | None:
    """The first applied one behind `id_` in the order of the migrations, of no app in `exempt`."""
    ids = [migration.id for migration in known.migrations]
    behind = ids[ids.index(id_) + 1 :]
    return next((other for other in behind if other in known.rows and _has_a_place(other, exempt)), None)


def _has_a_place(id_: MigrationId, exempt: Collection[str]) -> bool:
    """Whether what comes before an applied one is late."""
    return id_.app not in exempt and not id_.is_repeatable


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
