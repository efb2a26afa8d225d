"""What peers send while they apply: round trips for each migration, and what a slow link makes of it.

usage: python -m benchmarks.wire [--peers NAME ...] [--rounds N]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .peers import PEERS, Peer, Verb, installed
from .tools.entry import Entry
from .tools.measure import Taken, in_turn, walls
from .tools.proxy import Proxy, proxy_to
from .tools.results import table
from .tools.server import Server, running_server

# Between these two numbers of migrations, what is sent once a run falls out of the count.
FEW, MANY = 100, 200
DELAY = 0.001  # seconds, each way


def round_trips(server: Server, peer: Peer, work: Path) -> float:
    """How many messages with an answer `peer` sends for each migration. Raises CommandError."""
    with proxy_to(server) as proxy:
        few, many = (_applied(Entry(peer, count, server, work, proxy), proxy) for count in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def _applied(entry: Entry, proxy: Proxy) -> int:
    entry.prepare()
    before = proxy.round_trips
    entry.measure(Verb.APPLY)
    return proxy.round_trips - before


def slow_link(server: Server, peers: Sequence[Peer], rounds: int, work: Path) -> dict[str, list[Taken]]:
    """What each takes to apply MANY migrations to a server that is DELAY away."""
    with proxy_to(server, delay=DELAY) as proxy:
        entries = {peer.name: Entry(peer, MANY, server, work, proxy) for peer in peers}
        for entry in entries.values():
            entry.prepare()
        return in_turn({name: partial(entry.measure, Verb.APPLY) for name, entry in entries.items()}, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wire", description=(__doc__ or "").splitlines()[0])
    applying = [name for name in PEERS if name != "bare"]
    parser.add_argument("--peers", nargs="+", choices=applying, default=applying, metavar="NAME", help=str(applying))
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="Default: 5")
    options = parser.parse_args()
    peers = installed(options.peers)
    heads = ["peer", "round trips for each migration", f"apply {MANY} at {DELAY * 1000:g} ms each way, s"]
    with running_server() as server, tempfile.TemporaryDirectory() as name:
        slow = slow_link(server, peers, options.rounds, Path(name))
        there = [peer for peer in peers if peer.name in slow]
        trips = {peer.name: round_trips(server, peer, Path(name)) for peer in there}
    print(table(heads, ([peer, f"{trips[peer]:.2f}", walls(slow[peer]).text(2)] for peer in slow)))


if __name__ == "__main__":
    main()
