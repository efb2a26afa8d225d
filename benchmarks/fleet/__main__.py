"""The goals of fleets, measured: what each is, what it is now, and whether it is reached.

usage: python -m benchmarks.fleet [SCHEMAS] [ROUNDS]

With the default of 1000 schemas these are the project's goals, and a missed one is an error. With less, the times show
that the benchmark works, and only what is counted can be missed. All is on servers of the benchmark's own: one has its
data in memory, where there is /dev/shm, and one on the disk.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..tools import numbers
from ..tools.results import Circumstances, table
from ..tools.server import ROOT, running_server
from . import apply, django_tenants, needs, noop
from .goal import Goal
from .resume import resumed
from .site import Site

SCHEMAS = 1000
_MEMORY = Path("/dev/shm")

# How much oftener is measured what is over in a moment.
_OFTENER = 2


def measured_in_memory(site: Site, new: Site, schemas: int, rounds: int) -> Iterator[Goal]:
    """`new` has many migrations, for a schema that has none."""
    few = schemas // 5
    address = site.with_schemas(schemas)
    yield from needs.of_all(site, address, schemas)
    yield from noop.of_schemas(site, address, schemas, rounds * _OFTENER)
    yield from needs.when_all_wait(site)
    yield from noop.of_databases(site, few, rounds)
    yield from apply.in_memory(site, few, rounds)
    yield from apply.to_a_new_schema(new, rounds * _OFTENER)
    yield from resumed(site, few, rounds)
    yield from django_tenants.noop(site, schemas // 10, rounds)


def verdict(goal: Goal, *, times_count: bool) -> str:
    if goal.is_time and not times_count:
        return ""
    return "reached" if goal.reached else "missed"


def main(schemas: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        with running_server(_MEMORY if _MEMORY.is_dir() else ROOT) as server:
            site, new = Site(Path(name, "site"), server), Site(Path(name, "new"), server, schemas // 10)
            for one in (site, new):
                one.prepare()
            goals = list(measured_in_memory(site, new, schemas, rounds))
            circumstances = Circumstances.now(server, rounds).text()
        with running_server() as server:
            goals += apply.on_disk(Site(site.folder, server), schemas // 5, rounds)
    verdicts = [verdict(goal, times_count=schemas >= SCHEMAS) for goal in goals]
    rows = (goal.row(said) for goal, said in zip(goals, verdicts, strict=True))
    print("\n" + table(["goal", "bound", "measured", "least / least", ""], rows), end="\n\n")
    print(circumstances)
    if missed := verdicts.count("missed"):
        sys.exit(f"{missed} of {len(goals)} goals missed.")


if __name__ == "__main__":
    main(*numbers.parsed("fleet", __doc__, schemas=SCHEMAS, rounds=5))
