"""A run that goes on after a kill, beside what is to be done: a survey, and what is left."""

from __future__ import annotations

import signal
import statistics
import subprocess
import time
from collections.abc import Iterator

from ..tools.measure import Command, Spread, measure
from ..tools.server import Address
from .goal import Goal
from .site import Site

_CLIENTS = "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE datname = '{}' AND backend_type = 'client backend'"


def resumed(site: Site, count: int, rounds: int) -> Iterator[Goal]:
    """Runs of `count` schemas, of which half are done when it is killed; every other round goes backwards."""
    empty = site.with_schemas(count).database
    fresh, status, resumed, left = [], [], [], []
    for number in range(rounds):
        for is_fresh in (True, False) if number % 2 == 0 else (False, True):
            address = site.server.create("benchmark_resume", empty)
            if is_fresh:
                fresh.append(site.applying(site.run(address), address, count).wall)
                status.append(measure(site.manage(address, "migrations_fleet", "status", "schemas", "-v0")).wall)
            else:
                _kill_half_done(site, site.run(address), address, count)
                left.append(1 - site.applied(address) / (count * site.count))
                resumed.append(site.applying(site.run(address), address, count).wall)
    what = f"resume, {count} schemas, half of them done"
    spreads = {"fresh": fresh, "status": status, "resumed": resumed, "left": left}
    print(
        f"{what}, s: " + "; ".join(f"{name} {Spread.of(taken).text(2)}" for name, taken in spreads.items()), flush=True
    )
    single = [
        took / _expected(whole, survey, part)
        for took, whole, survey, part in zip(resumed, fresh, status, left, strict=True)
    ]
    median = statistics.median
    ratio = median(resumed) / _expected(median(fresh), median(status), median(left))
    least = min(resumed) / _expected(min(fresh), min(status), median(left))
    yield Goal(what, Spread(ratio, min(single), max(single)), 1.15, "x survey and rest", least)


def _expected(fresh: float, status: float, left: float) -> float:
    """Seconds for a survey, and for the part that is left of a fresh run."""
    return status + left * (fresh - status)


def _kill_half_done(site: Site, command: Command, address: Address, count: int) -> None:
    """Start a run, and kill it when half is applied; its transactions are at their end then."""
    process = subprocess.Popen(command.arguments, cwd=command.folder, env=command.environment)
    while site.applied(address) < count * site.count / 2 and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while site.server.execute(_CLIENTS.format(address.database)):
        time.sleep(0.01)
