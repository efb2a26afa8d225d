"""What the proof of migrations takes beside applying them, once and again with nothing new.

usage: python -m benchmarks.verify [MIGRATIONS] [ROUNDS]

Each migration makes a table, an index and a column. All are whole processes, in turn, on a server with its data on the
disk; the ratios are of medians.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from .peers.manage import APP, write_bare_command, write_project
from .peers.medusa import BUILD, ENVIRONMENT, write_sources
from .tools import numbers
from .tools.measure import Command, Spread, Taken, in_turn, measure, walls
from .tools.server import Address, Server, running_server


def manage(folder: Path, address: Address, *arguments: str) -> Taken:
    return measure(Command((sys.executable, "manage.py", *arguments), folder, ENVIRONMENT | address.environment()))


def prepare(folder: Path, count: int) -> None:
    write_project(folder, "medusa_migrations")
    write_bare_command(folder / APP)
    write_sources(folder / APP, count)
    measure(Command(BUILD, folder, ENVIRONMENT))


def apply(folder: Path, server: Server, *options: str) -> Taken:
    return manage(folder, server.create("benchmark_verify"), "migrations_run", *options)


def main(count: int, rounds: int) -> None:
    with running_server() as server, tempfile.TemporaryDirectory() as name:
        folder, address = Path(name), server.create("benchmark_verify")
        prepare(folder, count)
        verify = partial(manage, folder, address, "migrations_verify", "-v0")
        work = {
            "a bare command": partial(manage, folder, address, "bare"),
            "migrations_run": partial(apply, folder, server),
            "verify --all": partial(verify, "--all"),
            "verify again": verify,
        }
        for one in work.values():
            one()  # warms the caches
        results = in_turn(work, rounds)
    report(count, {name: walls(taken) for name, taken in results.items()})
    peak = max(taken.peak for taken in results["verify --all"])
    print(f"  it holds at most {peak / 2**20:.0f} MB")


def report(count: int, taken: dict[str, Spread]) -> None:
    for name, spread in taken.items():
        print(f"{name:<16} {spread.text(3)} s")
    print(f"{count} migrations:")
    proof = taken["verify --all"].median / taken["migrations_run"].median
    print(f"  to prove them takes {proof:.2f} x what applying them takes")
    again = taken["verify again"].median / taken["a bare command"].median
    print(f"  with nothing new it takes {again:.2f} x what a bare command takes")


if __name__ == "__main__":
    main(*numbers.parsed("verify", __doc__, migrations=100, rounds=5))
