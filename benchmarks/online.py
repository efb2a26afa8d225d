"""How long a writer and a reader wait at worst while a generated change runs: as it is, and with --online.

usage: python -m benchmarks.online [ROWS] [ROUNDS]      (in the project's folder, with its virtual environment)

In turn, each on a copy of the same table, with the files that `makemigration --generate` writes. One connection adds
rows and one reads by the key all the time; what counts is the longest single statement of either. The goal is that it
takes at most a fifth with --online. The first line is what they wait while a run has nothing to do, on this machine.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.conftest import start_server
from tests.support.projects import Project, Server

from .tools import numbers

GOAL = 1 / 5

BEFORE = """
class Author(models.Model):
    name = models.CharField(max_length=100)

class Book(models.Model):
    title = models.CharField(max_length=100)
    text = models.TextField(default="")
    number = models.IntegerField(null=True)
    author = models.ForeignKey(Author, models.CASCADE, db_constraint=False)
"""
NUMBER = "number = models.IntegerField(null=True)"


def with_meta(text: str) -> str:
    return f"{BEFORE}\n    class Meta:\n        {text}\n"


AFTER = {
    "index": with_meta('indexes = [models.Index(fields=["title", "number"], name="title_i")]'),
    "unique": with_meta('constraints = [models.UniqueConstraint(fields=["number"], name="number_u")]'),
    "foreign key": BEFORE.replace(", db_constraint=False", ""),
    "NOT NULL": BEFORE.replace(NUMBER, "number = models.IntegerField(default=0)"),
    "check": with_meta('constraints = [models.CheckConstraint(condition=models.Q(number__gte=0), name="number_c")]'),
}

ROWS = """
INSERT INTO blog_author (name) SELECT 'Author ' || n FROM generate_series(1, {rows} / 4) n;
INSERT INTO blog_book (title, text, number, author_id)
SELECT repeat('x', 80) || n, repeat('y', 800), n, 1 + n % ({rows} / 4) FROM generate_series(1, {rows}) n;
VACUUM ANALYZE blog_book;
CHECKPOINT
"""
WRITE = "INSERT INTO blog_book (title, text, number, author_id) VALUES ('new', '', %s, 1)"
READ = "SELECT title FROM blog_book WHERE id = %s"
PAUSE = 0.01


class Load(threading.Thread):
    """Sends one statement after the other, and keeps the `longest`, in seconds."""

    def __init__(self, project: Project, sql: str, first: int) -> None:
        super().__init__()
        self.project, self.sql, self.first = project, sql, first
        self.longest, self.is_over = 0.0, threading.Event()

    def run(self) -> None:
        connection = self.project.server.connect(self.project.database)
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")  # who waits for the disk waits for no lock
            for number in count(self.first):
                begun = time.perf_counter()
                cursor.execute(self.sql, [number])
                self.longest = max(self.longest, time.perf_counter() - begun)
                if self.is_over.wait(PAUSE):
                    break
        connection.close()


@contextmanager
def at_work(project: Project, rows: int) -> Iterator[list[Load]]:
    """A writer and a reader, as long as the context lasts."""
    loads = [Load(project, WRITE, rows + 1), Load(project, READ, 1)]
    for one in loads:
        one.start()
    try:
        yield loads
    finally:
        for one in loads:
            one.is_over.set()
            one.join()


@contextmanager
def made_anew(server: Server, database: str, template: str) -> Iterator[None]:
    """A database of its own."""
    server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    server.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
    try:
        yield
    finally:
        server.execute(f"DROP DATABASE {database} WITH (FORCE)")


def longest_wait(project: Project, template: str, after: str, rows: int, *options: str) -> float:
    """Seconds that a writer or a reader waits at worst while what is generated for the models runs."""
    with made_anew(project.server, project.database, template):
        project.add_models("blog", after)
        there = set((project.folder / "blog/sql_migrations").iterdir())
        project.manage_several(
            ("makemigration", "blog", "change", "--generate", "--no-input", *options), ("migrations_build",)
        ).ok()
        with at_work(project, rows) as loads:
            project.manage("migrations_run", timeout=600).ok()
        for path in {*(project.folder / "blog/sql_migrations").iterdir()} - there:
            path.unlink()
    return max(one.longest for one in loads)


def prepare(project: Project, rows: int) -> None:
    """The models of before, and rows; the project's database is the one to copy then."""
    project.add_models("blog", BEFORE)
    project.manage_several(("makemigration", "blog", "--generate"), ("migrations_run", "--build")).ok()
    for statement in ROWS.format(rows=rows).strip().split(";\n"):
        project.sql(statement)


def main(rows: int, rounds: int) -> None:
    server, template = start_server(), "benchmark_online"
    with tempfile.TemporaryDirectory() as name, made_anew(server, template, "template0"):
        project = Project(Path(name), server, template)
        prepare(project, rows)
        project.database = f"{template}_copy"
        at_rest = statistics.median(longest_wait(project, template, BEFORE, rows) for _ in range(rounds))
        print(f"{'nothing':<12} {at_rest * 1000:8,.0f} ms", flush=True)
        for kind, after in AFTER.items():
            plain, online = [], []
            for _ in range(rounds):
                plain.append(longest_wait(project, template, after, rows))
                online.append(longest_wait(project, template, after, rows, "--online"))
            waits = [statistics.median(one) for one in (plain, online)]
            reached = "reached" if waits[1] <= waits[0] * GOAL else "not reached"
            print(
                f"{kind:<12} {waits[0] * 1000:8,.0f} ms, with --online {waits[1] * 1000:6,.0f} ms"
                f"  ({waits[1] / waits[0]:.2f} x, goal {GOAL:.2f}: {reached})",
                flush=True,
            )


if __name__ == "__main__":
    main(*numbers.parsed("online", __doc__, rows=400_000, rounds=3))
