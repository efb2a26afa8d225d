"""What a run with nothing to do and a check cost, beside a bare command with one query; and a migrate beside Django's.

usage: python -m benchmarks.noop [MIGRATIONS] [ROUNDS]

The project has Django's usual apps. All are whole processes, in turn; the ratios are of medians.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.support.projects import CONTRIB

from .peers.manage import APP, write_bare_command, write_project
from .peers.medusa import BUILD, ENVIRONMENT, write_sources
from .tools import numbers
from .tools.measure import Command, Taken, in_turn, measure, walls
from .tools.server import Address, Server, running_server
from .tools.sql import write

APPS = [f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "messages", "sessions")]

# The same project without this app.
PLAIN = """\
from settings import *
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "medusa_migrations"]
"""

COMMANDS = {
    "a bare command": ("bare",),
    "migrations_run": ("migrations_run",),
    "Django's check": ("check", "--settings=plain"),
    "check": ("check",),
    "Django's migrate": ("migrate", "--settings=plain"),
    "migrate": ("migrate",),
}

BESIDE = {"migrations_run": "a bare command", "check": "a bare command", "migrate": "Django's migrate"}


def manage(folder: Path, address: Address, *arguments: str) -> Command:
    return Command((sys.executable, "manage.py", *arguments), folder, ENVIRONMENT | address.environment())


def prepare(folder: Path, address: Address, count: int) -> None:
    """A project with `count` migrations, all of them and Django's applied."""
    write_project(folder, "medusa_migrations", *APPS, more=CONTRIB)
    write(folder / "plain.py", PLAIN)
    write_bare_command(folder / APP)
    write_sources(folder / APP, count)
    measure(Command(BUILD, folder, ENVIRONMENT))
    measure(manage(folder, address, "migrate", "-v0"))


def commands(server: Server, count: int, rounds: int, folder: Path) -> dict[str, list[Taken]]:
    """What each of COMMANDS takes in a project with `count` migrations, all applied, that is written into `folder`."""
    address = server.create("benchmark_noop")
    prepare(folder, address, count)
    work = {name: partial(measure, manage(folder, address, *command)) for name, command in COMMANDS.items()}
    for one in work.values():
        one()  # warms the caches
    return in_turn(work, rounds)


def main(count: int, rounds: int) -> None:
    with running_server() as server, tempfile.TemporaryDirectory() as name:
        taken = {name: walls(rounds) for name, rounds in commands(server, count, rounds, Path(name)).items()}
    for name, spread in taken.items():
        print(f"{name:<16} {spread.text(3)} s")
    print(f"{count} applied, nothing to do:")
    for ours, other in BESIDE.items():
        print(f"  {ours} takes {taken[ours].median / taken[other].median:.2f} x what {other} takes")


if __name__ == "__main__":
    main(*numbers.parsed("noop", __doc__, migrations=1000, rounds=15))
