"""What a run with nothing to do costs, beside a bare management command with one query; and a migrate beside Django's.

usage: python -m benchmarks.noop [MIGRATIONS] [ROUNDS]      (in the project's folder, with its virtual environment)

All are whole processes, in turn, so that a change in the machine's speed meets all. The ratios are of medians.
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

# The same project without this app.
PLAIN = """\
from settings import *
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "medusa_migrations"]
"""

UP = """\
CREATE TABLE b{0} (id bigint PRIMARY KEY, name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX b{0}_name_idx ON b{0} (name);
ALTER TABLE b{0} ADD COLUMN note text;"""


def prepare(project: Project, count: int) -> None:
    commands = project.folder / "blog/management/commands"
    commands.mkdir(parents=True)
    (commands / "bare.py").write_text(BARE)
    project.add_contrib("admin", "auth", "contenttypes", "messages", "sessions")
    (project.folder / "plain.py").write_text(PLAIN)
    for number in range(count):
        moment = f"20240101{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}"
        project.write(f"blog.{moment}_b{number}", UP.format(number), f"DROP TABLE b{number};")
    project.manage("migrations_build", timeout=600).ok()
    project.manage("migrate", "-v0", timeout=600).ok()


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
        commands = {
            "a bare command": ("bare",),
            "migrations_run": ("migrations_run",),
            "Django's migrate": ("migrate", "--settings=plain"),
            "migrate": ("migrate",),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, command in commands.items():
                times[name].append(seconds(project, *command))
    medians = {}
    for name, taken in times.items():
        del taken[0]  # warms the caches
        medians[name] = statistics.median(taken)
        print(f"{name:<16} median {medians[name]:.3f} s  ({min(taken):.3f} to {max(taken):.3f})")
    print(f"{count} applied, nothing to do:")
    for ours, other in (("migrations_run", "a bare command"), ("migrate", "Django's migrate")):
        print(f"  {ours} takes {medians[ours] / medians[other]:.2f} x what {other} takes")
    server.execute(f"DROP DATABASE {database} WITH (FORCE)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
