"""A plan: what is to be done, one step a migration."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Migration, MigrationId, Part, Phase

from .known import Row


class Step(NamedTuple):
    """One migration to carry out.

    `part` is what to send, of `migration`'s file, or of `stored` where that is given; None if only the history is
    to be written. `row` is its row in the history so far. `undoes` are repeatable migrations that are undone before it,
    in its transaction. `joins` tells that it shares the transaction of the step before it.
    """

    id: MigrationId
    direction: Direction
    migration: Migration | None = None
    part: Part | None = None
    stored: str | None = None
    row: Row | None = None
    out_of_order: bool = False
    undoes: tuple[Step, ...] = ()
    joins: bool = False

    @property
    def phase(self) -> Phase | None:
        """When its file may run, None if that is gone."""
        return self.migration.phase if self.migration else None

    @property
    def is_baseline(self) -> bool:
        """Whether it is recorded instead of run where its tables are there, and nothing of it is done by itself."""
        return self.migration is not None and self.migration.baseline and self.row is None and self.part is not None

    @property
    def forgets(self) -> bool:
        """Whether it undoes what was recorded and not run, as its tables were there before: they stay."""
        row, migration = self.row, self.migration
        if self.direction is Direction.UP or row is None or migration is None or not migration.baseline:
            return False
        return row.state == "applied" and row.run is not None and row.duration_ms is None

    @property
    def goes_on(self) -> bool:
        """Whether statements of it are done, without a transaction, and it goes on behind them."""
        row = self.row
        return row is not None and row.state != "applied" and bool(row.statements_done or row.sent_alone)

    def is_transactional(self, mode: str) -> bool:
        """Whether the part runs in a transaction: as its marker says, else unless the mode is none.

        What was begun statement by statement goes on like that. A repeatable one always does, and what undoes some.
        """
        if self.id.is_repeatable or self.undoes:
            return True
        if self.goes_on:
            return False
        said = self.part.transaction if self.part else None
        return mode != "none" if said is None else said


class Plan(NamedTuple):
    """What is to be done, in its order.

    `missing` are ids of which a run is to say that they have no file, `held_back` what it leaves for a later phase.
    """

    direction: Direction
    steps: tuple[Step, ...]
    missing: tuple[MigrationId, ...] = ()
    held_back: tuple[Migration, ...] = ()


def fingerprint(plan: Plan, mode: str, database: str) -> str:
    """A text that is the same for two plans if and only if both send the same, in the same way, from the same history.

    They go to the same place too: `database` is its alias, or what stands for a target. `mode` is that of the
    transactions, as in Options.
    """
    steps = [
        [
            str(step.id),
            step.migration.hash if step.migration else None,
            step.stored,
            [step.row.serial, step.row.state, step.row.checksum, step.row.statements_done] if step.row else None,
            step.is_transactional(mode),
            *([_undone(step)] if step.undoes or step.joins else []),
        ]
        for step in plan.steps
    ]
    return hashlib.sha256(json.dumps([database, plan.direction, mode, steps]).encode()).hexdigest()


def _undone(step: Step) -> list[object]:
    return [step.joins, *([str(one.id), one.stored, one.migration and one.migration.hash] for one in step.undoes)]


def refuse_mode_all(plan: Plan) -> None:
    """Raise PlanError if one transaction cannot hold all of `plan`."""
    alone = [str(step.id) for step in plan.steps if step.part and not step.is_transactional("all")]
    if alone:
        raise PlanError(
            N_(
                "{ids}: marked transaction:false, or begun without one, so it cannot share a transaction. Nothing was "
                "run. Use --transaction each, or set it apart: --to names the last one to run.",
                ids=", ".join(alone),
            )
        )
