"""What a comparison of models with the database takes beyond Django's start.

usage: python -m benchmarks.generate [MODELS ...]

Each model has 13 columns, 2 foreign keys, 9 indexes and a check. The time is of `--generate --check` as a whole process
less that of a command that only loads the models and connects, in turn.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.conftest import start_server
from tests.support.projects import Project

from .peers.manage import write_bare_command
from .tools.measure import Command, Taken, in_turn, walls
from .tools.measure import measure as take

MODEL = """
class M{0}(models.Model):
    a = models.CharField(max_length=50, db_index=True)
    b = models.CharField(max_length=50, unique=True)
    c = models.TextField(default="")
    d = models.IntegerField(default=0)
    e = models.BigIntegerField(null=True, db_index=True)
    f = models.DateTimeField(auto_now_add=True)
    g = models.DecimalField(max_digits=9, decimal_places=2, default=0)
    h = models.BooleanField(default=False)
    i = models.UUIDField(null=True)
    j = models.JSONField(default=dict)
    k = models.ForeignKey("M{1}", models.CASCADE, null=True, related_name="+")
    l = models.ForeignKey("M0", models.CASCADE, null=True, related_name="+")
    class Meta:
        indexes = [models.Index(fields=["d", "e"], name="ix{0}"), models.Index(fields=["-f"], name="iy{0}")]
        constraints = [models.CheckConstraint(condition=models.Q(d__gte=0), name="ck{0}")]
"""
ROUNDS = 5


def measure(count: int) -> None:
    server, database = start_server(), "benchmark_generate"
    server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    server.execute(f"CREATE DATABASE {database}")
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), server, database)
        write_bare_command(project.folder / "blog")
        # A hundred at a time: the proof of a first migration makes its tables all at once.
        for size in [*range(100, count, 100), count]:
            project.add_models("blog", "".join(MODEL.format(number, max(0, number - 1)) for number in range(size)))
            project.manage("makemigration", "blog", f"to_{size}", "--generate", timeout=600).ok()
            project.run("-v0", timeout=600).ok()

        def run(*arguments: str) -> Taken:
            return take(Command((project.python, "manage.py", *arguments), project.folder, project.environment()))

        work = {
            "bare": lambda: run("bare"),
            "generate": lambda: run("makemigration", "blog", "--generate", "--check"),
        }
        in_turn(work, 1)  # warms the caches
        taken = in_turn(work, ROUNDS)
    beyond = walls(taken["generate"]).median - walls(taken["bare"]).median
    print(f"{count} models without a change: {beyond:.2f} s beyond Django's start")
    server.execute(f"DROP DATABASE {database} WITH (FORCE)")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", type=int, nargs="*", default=[50, 500], help="Default: 50 500")
    for count in parser.parse_args().models:
        measure(count)


if __name__ == "__main__":
    main()
