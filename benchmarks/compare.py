"""Peers side by side: apply, no-op, show, revert last and revert all.

usage: python -m benchmarks.compare [--sizes N ...] [--peers NAME ...] [--rounds N] [--json FILE]

Prints a table for each size. Peers that are not installed are left out, and named.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from .peers import PEERS, Peer, Verb, installed
from .tools.entry import Entry
from .tools.measure import Taken, in_turn
from .tools.results import Circumstances, Results, table
from .tools.server import Server, running_server

# What is over in a moment is measured this many times as often.
QUICK = {Verb.NOOP: 3, Verb.SHOW: 3, Verb.REVERT_LAST: 2}


def compare(
    results: Results, server: Server, peers: Sequence[Peer], sizes: Sequence[int], verbs: Sequence[Verb], work: Path
) -> None:
    """Add to `results` what `verbs`, of which APPLY comes first, take these peers with each number of migrations.

    The verbs of all sizes go together: what reverts removes files, and comes last for the reason in Server.create.
    """
    of_size = {count: {peer.name: Entry(peer, count, server, work) for peer in peers} for count in sizes}
    for entries in of_size.values():
        for entry in entries.values():
            entry.prepare()
    for verb in verbs:
        for count, entries in of_size.items():
            work_of = {name: partial(entry.measure, verb) for name, entry in entries.items() if entry.can(verb)}
            taken = in_turn(work_of, results.circumstances.rounds * QUICK.get(verb, 1))
            results.add(verb, count, taken)
            for failed in work_of.keys() - taken.keys():
                del entries[failed]


def report(results: Results, count: int) -> str:
    """The table of one size, with ratios to psql, in one transaction where the server can, else to the fastest."""
    names = ["psql-one", "psql-each", *results.peers(count)]
    reference = next((name for name in names if results.wall(Verb.APPLY, count, name)), "nothing")
    heads = [f"{count} migrations", f"apply, x {reference}", *(f"{verb}, s" for verb in Verb), "CPU, s", "peak, MB"]
    return table(heads, (_row(results, count, peer, reference) for peer in results.peers(count)))


def _row(results: Results, count: int, peer: str, reference: str) -> list[str]:
    ratio = results.ratio(Verb.APPLY, count, peer, reference)
    spreads = [results.wall(verb, count, peer) for verb in Verb]
    cells = [peer, f"{ratio.median:.2f}" if ratio else "–", *(spread.text(3) if spread else "–" for spread in spreads)]
    return [*cells, *_client(results.taken.get((Verb.APPLY, count, peer), []))]


def _client(taken: Sequence[Taken]) -> Iterator[str]:
    """What applying takes of the client's machine."""
    middle = sorted(taken, key=lambda one: one.cpu)[len(taken) // 2] if taken else None
    yield f"{middle.cpu:.2f}" if middle else "–"
    yield f"{max(one.peak for one in taken) / 1e6:.0f}" if taken else "–"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 100, 1000], metavar="N", help="Default: 1 100 1000")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="NAME", help=", ".join(PEERS))
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="Default: 5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write every round there.")
    options = parser.parse_args()
    peers = installed(options.peers)
    with running_server() as server, tempfile.TemporaryDirectory() as work:
        results = Results(Circumstances.now(server, options.rounds))
        compare(results, server, peers, options.sizes, list(Verb), Path(work))
    for count in options.sizes:
        print(report(results, count), end="\n\n")
    print(results.circumstances.text())
    if options.json:
        results.save(options.json)


if __name__ == "__main__":
    main()
