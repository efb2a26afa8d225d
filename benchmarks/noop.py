"""What a run with nothing to do costs, beside a bare management command with one query.

usage: python -m benchmarks.noop [MIGRATIONS] [ROUNDS]      (in the project's folder, with its virtual environment)

Both are whole processes, in turn, so that a change in the machine's speed meets both. The ratio is of medians.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import start_server
from tests.projects import Project

BARE = """\
from django.core.management.base import BaseCommand
from django.db import connection


class Command(BaseCommand):
    requires_system_checks = []

    def handle(self, **options):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
"""

UP = """\
CREATE TABLE b{0} (id bigint PRIMARY KEY, name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX b{0}_name_idx ON b{0} (name);
ALTER TABLE b{0} ADD COLUMN note text;"""


def prepare(project: Project, count: int) -> None:
    commands = project.folder / "blog/management/commands"
    commands.mkdir(parents=True)
    (commands / "bare.py").write_text(BARE)
    for number in range(count):
        moment = f"20240101{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}"
        project.write(f"blog.{moment}_b{number}", UP.format(number), f"DROP TABLE b{number};")
    project.run("-v0", timeout=600).ok()


def seconds(project: Project, *command: str) -> float:
    begun = time.perf_counter()
    project.manage(*command).ok()
    return time.perf_counter() - begun


def main(count: int = 1000, rounds: int = 15) -> None:
    server, database = start_server(), "benchmark_noop"
    server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    server.execute(f"CREATE DATABASE {database}")
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), server, database)
        prepare(project, count)
        times: dict[str, list[float]] = {"bare": [], "migrations_run": []}
        for _ in range(rounds + 1):
            for command, taken in times.items():
                taken.append(seconds(project, command))
    for command, taken in times.items():
        del taken[0]  # warms the caches
        print(f"{command:<15} median {statistics.median(taken):.3f} s  ({min(taken):.3f} to {max(taken):.3f})")
    ratio = statistics.median(times["migrations_run"]) / statistics.median(times["bare"])
    print(f"{count} applied, nothing to do: {ratio:.2f} x a bare command with one query")
    server.execute(f"DROP DATABASE {database} WITH (FORCE)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
