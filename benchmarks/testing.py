"""What a test run with one test takes that needs a database, made anew: with SQL migrations, and with Django's.

usage: python -m benchmarks.testing [MIGRATIONS] [ROUNDS]
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from .peers import PEERS
from .peers.manage import APP
from .tools import numbers
from .tools.measure import Command, Taken, in_turn, measure, walls
from .tools.server import Server, running_server
from .tools.sql import write

TEST = """\
from django.db import connection
from django.test import TestCase


class Last(TestCase):
    def test_the_last_table_is_there(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT note FROM b{last}")
"""


def test_databases(server: Server, count: int, rounds: int, work: Path) -> dict[str, list[Taken]]:
    """What the test run of `medusa` and `django` takes, each with `count` migrations and another database each time."""
    counter = itertools.count()

    def tested(name: str, folder: Path) -> Taken:
        address = replace(server.address, database=f"{name}_{count}_{next(counter)}")
        # Kept, for the reason in Server.create.
        arguments = (sys.executable, "manage.py", "test", "--keepdb")
        return measure(Command(arguments, folder, address.environment() | PEERS[name].environment()))

    work_of = {}
    for name in ("medusa", "django"):
        folder = work / f"testing-{name}-{count}"
        PEERS[name].write(folder, count)
        write(folder / APP / "tests.py", TEST.format(last=count - 1))
        work_of[name] = partial(tested, name, folder)
    return in_turn(work_of, rounds)


def main(count: int, rounds: int) -> None:
    with running_server() as server, tempfile.TemporaryDirectory() as work:
        taken = {name: walls(one) for name, one in test_databases(server, count, rounds, Path(work)).items()}
    for name, spread in taken.items():
        print(f"{name:<8} {spread.text(2)} s")
    print(f"{count} migrations: {taken['medusa'].median / taken['django'].median:.2f} x Django's")


if __name__ == "__main__":
    main(*numbers.parsed("testing", __doc__, migrations=1000, rounds=3))
