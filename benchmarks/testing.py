"""What a test run with one test takes that needs a database, made anew: with SQL migrations, and with Django's.

The tables are the same, and Django's migrations are as makemigrations writes them.

usage: python -m benchmarks.testing [MIGRATIONS] [ROUNDS]
"""

from __future__ import annotations

import compileall
import itertools
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from .peers.manage import APP, write_project
from .peers.medusa import ENVIRONMENT, Medusa
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


MIGRATION = """\
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = {dependencies}
    operations = [
        migrations.CreateModel(
            "B{number}",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.TextField()),
                ("created_at", models.DateTimeField(db_default=Now())),
            ],
            options={{"db_table": "b{number}"}},
        ),
        migrations.AddIndex("b{number}", models.Index(fields=["name"], name="b{number}_name_idx")),
        migrations.AddField("b{number}", "note", models.TextField(null=True)),
    ]
"""


def write_django(folder: Path, count: int) -> None:
    """A project whose app has `count` migrations with operations."""
    write_project(folder)
    write(folder / APP / "migrations/__init__.py", "")
    for number in range(count):
        before = [(APP, f"m{number - 1:05d}")] if number else []
        text = MIGRATION.format(dependencies=before, number=number)
        write(folder / APP / f"migrations/m{number:05d}.py", text)


WRITE = {"medusa": Medusa().write, "django": write_django}


def test_databases(server: Server, count: int, rounds: int, work: Path) -> dict[str, list[Taken]]:
    """What the test run of each of WRITE takes, with `count` migrations and another database each time."""
    counter = itertools.count()

    def tested(name: str, folder: Path) -> Taken:
        address = replace(server.address, database=f"{name}_{count}_{next(counter)}")
        # Kept, for the reason in Server.create.
        arguments = (sys.executable, "manage.py", "test", "--keepdb")
        return measure(Command(arguments, folder, address.environment() | ENVIRONMENT))

    work_of = {}
    for name, write_files in WRITE.items():
        folder = work / f"testing-{name}-{count}"
        write_files(folder, count)
        write(folder / APP / "tests.py", TEST.format(last=count - 1))
        compileall.compile_dir(folder, quiet=1)
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
