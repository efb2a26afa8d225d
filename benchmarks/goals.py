"""The goals, measured: what each is, what it is now, and whether it is reached.

usage: python -m benchmarks.goals [--sizes SMALL LARGE] [--rounds N] [--json FILE]

With the default sizes, 1000 and 5000, these are the project's goals; smaller ones show that the benchmark works.
Exit code 1 if one of them is not reached.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .builds import beyond, builds
from .compare import compare, report
from .imports import no_op_imports, unwanted
from .noop import commands
from .peers import PEERS, Verb
from .testing import test_databases
from .tools.measure import Spread, ratio, walls
from .tools.results import Circumstances, Results, table
from .tools.server import Server, running_server
from .wire import DELAY, MANY, round_trips, slow_link


@dataclass(frozen=True)
class Goal:
    """`measured` is to be at most `limit`, both in `unit`."""

    what: str
    measured: Spread
    limit: float
    unit: str

    @property
    def reached(self) -> bool:
        return self.measured.median <= self.limit

    def row(self) -> list[str]:
        return [
            self.what,
            self.measured.text(2),
            f"≤ {self.limit:g} {self.unit}",
            "reached" if self.reached else "not reached",
        ]


def of_peers(results: Results, small: int, large: int) -> Iterator[Goal]:
    """The goals that are ratios to a reference in the same rounds; without `all` each has its own transaction."""
    for verb, count, peer, reference, limit in (
        (Verb.APPLY, small, "medusa", "psql-each", 0.95),
        (Verb.APPLY, large, "medusa", "psql-each", 0.88),
        (Verb.APPLY, small, "medusa-all", "medusa", 1.0),
        (Verb.NOOP, small, "medusa", "bare", 0.95),
        (Verb.NOOP, large, "medusa", "bare", 1.05),
        (Verb.SHOW, small, "medusa", "bare", 1.15),
        (Verb.REVERT_LAST, small, "medusa", "bare", 1.1),
        (Verb.REVERT_ALL, small, "medusa", "psql-each", 1.15),
        (Verb.REVERT_ALL, small, "medusa-all", "psql-one", 1.35),
    ):
        if found := results.ratio(verb, count, peer, reference):
            mode = f", {peer.removeprefix('medusa-')}" if peer != "medusa" else ""
            yield Goal(f"{verb}, {count} migrations{mode}", found, limit, f"x {reference}")


def of_one_transaction(results: Results, small: int) -> Iterator[Goal]:
    """Applying in one transaction beside psql -1, which has no start of Django's."""
    start = walls(results.taken[Verb.NOOP, small, "bare"]).median
    ours, psql = (results.taken[Verb.APPLY, small, name] for name in ("medusa-all", "psql-one"))
    found = ratio((one.wall for one in ours), (one.wall + start for one in psql))
    yield Goal(f"{Verb.APPLY}, {small} migrations, all", found, 1.0, "x (psql-one + bare)")


def of_the_client(results: Results, small: int, large: int) -> Iterator[Goal]:
    """What applying takes of the client's machine, with a transaction for each migration."""
    ours, floor = (results.taken[Verb.APPLY, small, name] for name in ("medusa", "floor"))
    cpu = ratio((one.cpu for one in ours), (one.cpu for one in floor))
    yield Goal(f"client's CPU, apply {small}", cpu, round(0.35 / 0.15, 2), "x floor")
    peak = Spread.of(one.peak / 1e6 for one in results.taken[Verb.APPLY, large, "medusa"])
    yield Goal(f"peak memory, apply {large}", peak, 60, "MB")


def of_commands(server: Server, count: int, rounds: int, work: Path) -> Iterator[Goal]:
    """Django's own commands with our part in them, in a project with its usual apps."""
    taken = commands(server, count, 3 * rounds, work / f"commands-{count}")
    for name in ("check", "migrate"):
        found = ratio((one.wall for one in taken[name]), (one.wall for one in taken["a bare command"]))
        yield Goal(f"{name}, {count} migrations, nothing to do", found, 1.3, "x a bare command")


def of_tests(server: Server, count: int, rounds: int, work: Path) -> Iterator[Goal]:
    taken = test_databases(server, count, rounds, work)
    found = ratio(*([one.wall for one in taken[name]] for name in ("medusa", "django")))
    yield Goal(f"a test database, {count} migrations", found, 0.35, "x django")


def of_builds(server: Server, count: int, rounds: int, work: Path) -> Iterator[Goal]:
    taken = builds(server, count, rounds, work)
    yield Goal(f"build {count}, nothing changed", beyond(taken, "unchanged"), 1.0, "s beyond start-up")
    yield Goal(f"build {count}, all new", beyond(taken, "new"), 3.0, "s beyond start-up")


def of_the_wire(server: Server, rounds: int, work: Path) -> Iterator[Goal]:
    each, together = (Spread.of([round_trips(server, PEERS[name], work)]) for name in ("medusa", "medusa-all"))
    yield Goal("messages for each migration, each", each, 1, "")
    yield Goal("messages for each migration, all", together, 0.99, "")
    slow = Results(Circumstances.now(server, rounds))
    slow.add(
        Verb.APPLY, MANY, slow_link(server, [PEERS[name] for name in ("medusa", "medusa-all", "django")], rounds, work)
    )
    for name in ("medusa", "medusa-all"):
        ratio = slow.ratio(Verb.APPLY, MANY, name, "django")
        assert ratio is not None
        yield Goal(f"apply {MANY} at {DELAY * 1000:g} ms each way, {name}", ratio, round(1 / 3, 3), "x django")


def of_imports() -> Iterator[Goal]:
    _, more = no_op_imports()
    yield Goal("modules that a no-op has no use for", Spread.of([len(unwanted(more))]), 0, "")


def measured(server: Server, results: Results, small: int, large: int, work: Path) -> Iterator[Goal]:
    """All goals; the peers' rounds are added to `results`."""
    rounds = results.circumstances.rounds
    # First, as it lasts a moment: behind thousands of tables that were made the server has more to do.
    others = list(of_commands(server, large, rounds, work))
    many = [PEERS[name] for name in ("psql-each", "floor", "medusa", "bare")]
    compare(results, server, many, [large], [Verb.APPLY, Verb.NOOP], work)
    others += [
        *of_tests(server, small, rounds, work),
        *of_builds(server, large, rounds, work),
        *of_the_wire(server, rounds, work),
        *of_imports(),
    ]
    # Last, as it reverts: see `compare`.
    few = [PEERS[name] for name in ("psql-one", "psql-each", "floor", "medusa", "medusa-all", "bare")]
    compare(results, server, few, [small], list(Verb), work)
    yield from of_peers(results, small, large)
    yield from of_one_transaction(results, small)
    yield from of_the_client(results, small, large)
    yield from others


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.goals", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--sizes", type=int, nargs=2, default=[1000, 5000], metavar=("SMALL", "LARGE"), help="Default: 1000 5000"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="Default: 5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write the goals and every round there.")
    options = parser.parse_args()
    small, large = options.sizes
    with running_server() as server, tempfile.TemporaryDirectory() as work:
        results = Results(Circumstances.now(server, options.rounds))
        goals = list(measured(server, results, small, large, Path(work)))
    print(table(["goal", "measured", "limit", ""], (goal.row() for goal in goals)), end="\n\n")
    for count in (small, large):
        print(report(results, count), end="\n\n")
    print(results.circumstances.text())
    if options.json:
        results.save(options.json, goals=[asdict(goal) | {"reached": goal.reached} for goal in goals])
    sys.exit(not all(goal.reached for goal in goals))


if __name__ == "__main__":
    main()
