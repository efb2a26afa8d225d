"""A run of a fleet: how its targets stand, what would be done, and that it is done.

One that was killed is resumed. Where nothing is to be done, nothing is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from medusa_migrations.database.destination import alias_of
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.errors import DatabaseError, Interrupted, PlanError
from medusa_migrations.files.build import unbuilt
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction
from medusa_migrations.run.carry_out import carry_out_in
from medusa_migrations.run.waiting import wait_for_server

from . import ledger
from .after import refuse_before_others
from .pool import Interruptions
from .request import Request
from .results import (
    FleetPlan,
    FleetResult,
    FleetStatus,
    PlannedGroup,
    TargetResult,
)
from .stages import Canary
from .survey import survey
from .targets import setting, targets
from .whole_run import WholeRun, result_of


def status(request: Request) -> FleetStatus:
    """How the targets of a fleet stand. Raises MigrationError, Interrupted."""
    with _stoppable(request) as interruptions:
        found = survey(request.of(targets(request.fleet)), request.asked, request.limits.jobs, interruptions)
    return found.status(request.fleet, request.asked.build, unbuilt(one.id for one in request.asked.migrations))


def planned(request: Request) -> FleetPlan:
    """What a run would do, once for targets with the same history. Raises as `status`."""
    found = status(request)
    by_name = {one.name: one for one in targets(request.fleet)}

    def plan(group: Sequence[str]) -> PlannedGroup:
        target = by_name[group[0]]
        options = request.options._replace(target=target, database=alias_of(target))
        return PlannedGroup(carry_out_in(request.asked.migrations, request.asked.wanted, options), tuple(group))

    pending = [group.targets for group in found.groups if group.standing.kind == "pending"]
    return FleetPlan(found, request.direction, tuple(map(plan, pending)))


def run(request: Request) -> FleetResult:
    """Do what is asked on all targets. Raises MigrationError where nothing was begun, Interrupted where by a stop.

    What goes wrong on targets, and a stop later on, is in the result.
    """
    with _stoppable(request) as interruptions:
        if request.options.wait:
            wait_for_server(request.options._replace(database=setting(request.fleet).database))
        every = targets(request.fleet)
        chosen = request.of(every)
        found = survey(chosen, request.asked, request.limits.jobs, interruptions)
        if len(found.of_kind("current")) == len(chosen):
            with contextlib.suppress(DatabaseError):  # a ledger that is not there is not needed
                ledger.finish(setting(request.fleet).control, request.wanted(len(chosen)))
            current = tuple(TargetResult(one.name, "current") for one in chosen)
            notes = (*found.held_back(), *unbuilt(one.id for one in request.asked.migrations))
            return result_of(request, None, current, None, notes)
        if request.canary_only and request.canary == Canary():
            raise PlanError(
                N_(
                    "The fleet {fleet!r} has no canary to keep to. Nothing was run. Say which targets go first: "
                    "--canary 1, or CANARY of the fleet.",
                    fleet=request.fleet,
                )
            )
        if request.direction is Direction.UP:
            refuse_before_others(request, interruptions)
        return WholeRun(request, interruptions, chosen).carry_out(found, {one.name for one in every})


@contextlib.contextmanager
def _stoppable(request: Request) -> Iterator[Interruptions]:
    interruptions = Interruptions(request.interruption)
    try:
        with interruptions.passed_on():
            yield interruptions
    except StopRequested as stop:
        raise Interrupted(
            N_("Stopped by {reason} before the first target: nothing was run.", reason=str(stop)), str(stop)
        ) from stop
