"""What lint of one new migration takes in a project with many that are not to be looked at, beside applying those.

usage: python -m benchmarks.lint [MIGRATIONS] [ROUNDS]

All are whole processes, in turn, on a server with its data on the disk; the ratio is of medians.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from .peers.manage import APP, write_bare_command, write_project
from .peers.medusa import BUILD, ENVIRONMENT, write_sources
from .tools import numbers
from .tools.measure import Command, in_turn, measure, walls
from .tools.server import running_server
from .tools.sql import write
from .verify import apply, manage

# With a finding that is let pass, or the command would fail.
NEW = """\
-- migrate:up
-- migrate:allow scan: a benchmark
ALTER TABLE b0 ALTER note SET NOT NULL;
-- migrate:down
ALTER TABLE b0 ALTER note DROP NOT NULL;
"""


def prepare(folder: Path, count: int) -> None:
    """A project whose migrations but the last are taken as they are, as those that are proven."""
    write_bare_command(folder / APP)
    write_sources(folder / APP, count)
    last = max(path.stem for path in (folder / APP / "sql_migrations").iterdir())
    write_project(folder, "medusa_migrations", more=f"MEDUSA_MIGRATIONS = {{'VERIFY_AFTER': '{APP}.{last}'}}\n")
    write(folder / APP / "sql_migrations/20250101000000_new.sql", NEW)
    measure(Command(BUILD, folder, ENVIRONMENT))


def main(count: int, rounds: int) -> None:
    with running_server() as server, tempfile.TemporaryDirectory() as name:
        folder, address = Path(name), server.create("benchmark_lint")
        prepare(folder, count)
        work = {
            "migrations_run": partial(apply, folder, server, "--transaction", "all"),
            "migrations_lint": partial(manage, folder, address, "migrations_lint"),
        }
        for one in work.values():
            one()  # warms the caches
        taken = {name: walls(results) for name, results in in_turn(work, rounds).items()}
    for name, spread in taken.items():
        print(f"{name:<16} {spread.text(3)} s")
    ratio = taken["migrations_lint"].median / taken["migrations_run"].median
    print(f"{count} migrations: to lint a new one takes {ratio:.2f} x what applying them in one transaction takes")


if __name__ == "__main__":
    main(*numbers.parsed("lint", __doc__, migrations=1000, rounds=5))
