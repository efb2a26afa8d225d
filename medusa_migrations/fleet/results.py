"""What a run of a fleet comes to: what became of each target, the errors that they share, and the outcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import Failure

Outcome = Literal["complete", "canary_failed", "budget_spent", "incomplete", "interrupted"]

# What ends a run before all of its targets were reached.
EndedBy = Literal["canary_failed", "budget_spent", "interrupted"]


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
