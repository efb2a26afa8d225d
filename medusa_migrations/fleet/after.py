"""What comes before a fleet: the databases and other fleets that its AFTER names."""

from __future__ import annotations

from medusa_migrations import conf
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History, read_known
from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_
from medusa_migrations.plan.forwards import Forwards

from .pool import Interruptions
from .request import Request
from .survey import Asked, survey
from .targets import setting, targets


def refuse_before_others(request: Request, interruptions: Interruptions) -> None:
    """Raise PlanError where something is to be done on what AFTER names."""
    fleets = conf.get_settings().fleets
    for name in setting(request.fleet).after:
        if name in fleets:
            found = survey(targets(name), _all_of_it(request), request.limits.jobs, interruptions)
            left = len(found.standings) - len(found.of_kind("current"))
            command = f"migrations_fleet run {name}"
            what = N_("{count} of the targets of the fleet {fleet!r} are not done", count=left, fleet=name)
        else:
            left = _pending(name, request)
            command = f"migrations_run --database {name}"
            what = N_("{count} migrations of the database {alias!r} are not done", count=left, alias=name)
        if left:
            raise PlanError(
                N_(
                    "AFTER of the fleet {fleet!r} names {name!r}, which comes first, and {what}. Nothing was run. Do "
                    "that first: {command}",
                    fleet=request.fleet,
                    name=name,
                    what=what,
                    command=command,
                )
            )


def _all_of_it(request: Request) -> Asked:
    """All that is pending in the phase that is asked for."""
    wanted = request.asked.wanted
    return request.asked._replace(wanted=wanted._replace(to=None) if isinstance(wanted, Forwards) else wanted)


def _pending(alias: str, request: Request) -> int:
    """How many migrations are pending in the database of an alias."""
    wanted = request.asked.wanted
    with open_session(alias) as session:
        known = read_known(History(session), request.asked.migrations)
    return len(known.due(wanted.phase if isinstance(wanted, Forwards) else None))
