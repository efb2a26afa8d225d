"""Whether the servers of a fleet have connections enough for a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from medusa_migrations.database.connect import CannotConnect, open_session
from medusa_migrations.database.destination import FleetTarget
from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_

from .stages import Limits, Slot

# Those that a server gives to users like any other; reserved_connections is there since version 16.
_ROOM = """
SELECT pg_catalog.current_setting('max_connections')::int4
    - pg_catalog.current_setting('superuser_reserved_connections')::int4
    - COALESCE(pg_catalog.current_setting('reserved_connections', true)::int4, 0)
"""


def most_connections(jobs: int) -> int:
    """How many a run of so many targets at once may need: for each a second one, that cancels a statement or sees who
    blocks it, and that of the ledger."""
    return 2 * jobs + 1


def refuse_too_many(slots: Sequence[Slot], by_name: Mapping[str, FleetTarget], limits: Limits) -> None:
    """Raise PlanError where a server has less connections than a run may need at once."""
    servers: dict[str, list[str]] = {}
    for slot in slots:
        servers.setdefault(slot.server, []).append(slot.name)
    for names in servers.values():
        jobs = min(limits.jobs, limits.jobs_per_server or limits.jobs, len(names))
        room = _room(by_name[names[0]])
        if room is not None and most_connections(jobs) > room:
            fits = max(1, (room - 1) // 2)
            raise PlanError(
                N_(
                    "{jobs} targets at once may need {connections} connections, and the server of the target "
                    "{target!r} gives {room}. Nothing was run. Use --jobs {fits}, or JOBS_PER_SERVER, or raise its "
                    "max_connections.",
                    jobs=jobs,
                    connections=most_connections(jobs),
                    target=names[0],
                    room=room,
                    fits=fits,
                )
            )


def _room(target: FleetTarget) -> int | None:
    """How many connections its server gives; None where it cannot be reached now."""
    try:
        with open_session(target._replace(schema=None)) as session:
            return int(session.query(_ROOM)[0][0])
    except CannotConnect:
        return None
