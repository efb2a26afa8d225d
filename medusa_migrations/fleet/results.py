"""What a fleet comes to: how its targets stand, what became of each in a run, the errors that they share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import Failure, RunResult

Outcome = Literal["complete", "canary_failed", "budget_spent", "incomplete", "interrupted"]

# How a target stands: it has all; has something to do; no run may go on there; it cannot be used, or reached.
Kind = Literal["current", "pending", "refused", "unusable", "unreachable"]

# What ends a run before all of its targets were reached.
EndedBy = Literal["canary_failed", "budget_spent", "interrupted"]


class Standing(NamedTuple):
    """How targets stand that have the same history: what is `pending` there, and what is left for a later phase.

    `error` is why one is neither current nor pending, and `told` the same for people. Where another run is at work,
    what is pending may not be known: then it is none.
    """

    kind: Kind
    pending: tuple[MigrationId, ...] = ()
    held_back: tuple[MigrationId, ...] = ()
    error: Failure | None = None
    told: str = ""


class Group(NamedTuple):
    """The names of the `targets` that stand alike, in their order."""

    standing: Standing
    targets: tuple[str, ...]


class FleetStatus(NamedTuple):
    """How the targets of a fleet stand: the largest of `groups` first. `build` tells which migrations they are to have.

    `notes` are for people.
    """

    fleet: str
    build: str
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many targets there are, and how many of each kind that there is."""
        counts = {"targets": sum(len(group.targets) for group in self.groups)}
        for group in self.groups:
            counts[group.standing.kind] = counts.get(group.standing.kind, 0) + len(group.targets)
        return counts

    @property
    def is_current(self) -> bool:
        return all(group.standing.kind == "current" for group in self.groups)


class PlannedGroup(NamedTuple):
    """What would be done on `targets`, which have the same history: `plan` is that of the first."""

    plan: RunResult
    targets: tuple[str, ...]


class FleetPlan(NamedTuple):
    """What a run of a fleet would do, and how the targets stand."""

    status: FleetStatus
    direction: Direction
    groups: tuple[PlannedGroup, ...] = ()


class TargetResult(NamedTuple):
    """What became of one target; a current one had nothing to do.

    `applied` are the ids of what was applied, or reverted, also before a failure. `attempt` counts from 1, and is 0 of
    what was not begun. `error` is why it failed, and `told` the same for people.
    """

    name: str
    state: Literal["current", "done", "failed", "not_reached"]
    applied: tuple[MigrationId, ...] = ()
    duration_ms: int | None = None
    attempt: int = 0
    error: Failure | None = None
    told: str = ""


class FleetError(NamedTuple):
    """A failure, and the names of the `targets` that share it, in their order; `told` is that of the first of them."""

    failure: Failure
    targets: tuple[str, ...]
    told: str


class Counts(NamedTuple):
    """How many targets there are, and how many in each state."""

    targets: int
    current: int
    done: int
    failed: int
    not_reached: int

    @classmethod
    def of(cls, targets: Iterable[TargetResult]) -> Counts:
        states = [target.state for target in targets]
        return cls(len(states), *(states.count(state) for state in cls._fields[1:]))  # type: ignore[arg-type]  # the fields have the names of the states


class FleetResult(NamedTuple):
    """What a run of a fleet did. `run` is its number in the ledger, None where it had nothing to do.

    `targets` are all of the fleet, in the order of the run; `notes` are for people.
    """

    fleet: str
    run: int | None
    direction: Direction
    build: str
    outcome: Outcome
    targets: tuple[TargetResult, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> Counts:
        return Counts.of(self.targets)

    @property
    def errors(self) -> tuple[FleetError, ...]:
        return grouped(self.targets)

    @property
    def exit_code(self) -> int:
        """That of the command: 0 for what is complete. Ctrl-C has its own, as everywhere."""
        return 0 if self.outcome == "complete" else 1


def outcome(counts: Counts, ended_by: EndedBy | None = None) -> Outcome:
    """The outcome of a run; where nothing is left, it does not matter that it was to end early."""
    if counts.failed == counts.not_reached == 0:
        return "complete"
    if ended_by == "budget_spent" and not counts.not_reached:
        return "incomplete"
    return ended_by or "incomplete"


def grouped(targets: Iterable[TargetResult]) -> tuple[FleetError, ...]:
    """The errors of those that failed, each once: those of most targets first, then in the order of the targets.

    Two are the same if the migration, the SQLSTATE, the message, the file and the line are.
    """
    groups: dict[Failure, list[TargetResult]] = {}
    for target in targets:
        if target.state == "failed":
            failure = target.error or Failure(None, target.told)
            groups.setdefault(failure._replace(column=None), []).append(target)
    errors = [
        FleetError(found[0].error or failure, tuple(one.name for one in found), found[0].told or failure.message)
        for failure, found in groups.items()
    ]
    return tuple(sorted(errors, key=lambda error: -len(error.targets)))
