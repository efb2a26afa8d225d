"""What a build takes beyond the start of a Django command: with nothing changed, and with nothing built before.

usage: python -m benchmarks.builds [MIGRATIONS] [ROUNDS]
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .peers.manage import APP, write_bare_command
from .peers.medusa import BUILD, ENVIRONMENT, Medusa
from .tools import numbers
from .tools.measure import Command, Spread, Taken, in_turn, measure, walls
from .tools.server import Server, running_server


def builds(server: Server, count: int, rounds: int, work: Path) -> dict[str, list[Taken]]:
    """What `unchanged`, `new` and `bare` take; the last is the start of a command that sends one query."""
    folder = work / f"build-{count}"
    Medusa().write(folder, count)
    write_bare_command(folder / APP)
    environment = ENVIRONMENT | server.address.environment()
    build = Command(BUILD, folder, environment)
    bare = Command((sys.executable, "manage.py", "bare"), folder, environment)
    counter = itertools.count()

    def anew() -> Taken:
        (folder / "dist").rename(folder / f"dist-{next(counter)}")  # not removed, for the reason in Server.create
        return measure(build)

    return in_turn({"new": anew, "unchanged": lambda: measure(build), "bare": lambda: measure(bare)}, rounds)


def beyond(taken: Mapping[str, Sequence[Taken]], name: str) -> Spread:
    """Seconds that `name` takes beyond `bare`; the least and the largest are of single rounds."""
    single = [one.wall - bare.wall for one, bare in zip(taken[name], taken["bare"], strict=True)]
    return Spread(walls(taken[name]).median - walls(taken["bare"]).median, min(single), max(single))


def main(count: int, rounds: int) -> None:
    with running_server() as server, tempfile.TemporaryDirectory() as work:
        taken = builds(server, count, rounds, Path(work))
    for name, words in (("unchanged", "nothing changed"), ("new", "all new")):
        print(f"{count} migrations, {words}: {beyond(taken, name).text(2)} s beyond the start of a command")


if __name__ == "__main__":
    main(*numbers.parsed("builds", __doc__, migrations=5000, rounds=5))
