"""What schema.backfill costs beside a single UPDATE of the same rows, and for how long it holds their locks.

usage: python -m benchmarks.backfill [ROWS] [ROUNDS]      (in the project's folder, with its virtual environment)

In turn, each on a table of its own that is made anew. The time of the backfill is the one that the history has of the
migration. The locks of a batch are held for as long as its transaction is open, which another connection watches.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from pathlib import Path

from tests.conftest import start_server
from tests.support.projects import Project

from .tools import numbers

TABLE = """
DROP TABLE IF EXISTS post, medusa_migrations;
CREATE TABLE post (id bigint PRIMARY KEY, title text NOT NULL, body text NOT NULL, slug text);
INSERT INTO post SELECT n, 'Title ' || n, repeat('x', 100), NULL FROM generate_series(1, {rows}) n;
VACUUM ANALYZE post;
CHECKPOINT;
"""

MIGRATION = """\
transaction = False

def up(schema):
    schema.backfill("post", set="slug = lower(title)", where="slug IS NULL")
"""

OPEN_FOR = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL
"""


def prepare(project: Project, rows: int) -> None:
    for statement in TABLE.format(rows=rows).strip().split(";\n"):
        project.sql(statement)


def single_update(project: Project) -> float:
    begun = time.perf_counter()
    project.sql("UPDATE post SET slug = lower(title) WHERE slug IS NULL")
    return time.perf_counter() - begun


def backfill(project: Project) -> tuple[float, float]:
    """Seconds that it takes, and seconds that its longest batch holds its locks."""
    longest, is_over = 0.0, threading.Event()

    def watch() -> None:
        nonlocal longest
        connection = project.server.connect(project.database)
        with connection.cursor() as cursor:
            while not is_over.wait(0.01):
                cursor.execute(OPEN_FOR)
                longest = max(longest, float(cursor.fetchone()[0]))
        connection.close()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        project.manage("migrations_run", "--build", timeout=600).ok()
    finally:
        is_over.set()
        thread.join()
    return project.sql("SELECT duration_ms / 1000.0 FROM medusa_migrations")[0][0], longest


def main(rows: int, rounds: int) -> None:
    server, database = start_server(), "benchmark_backfill"
    server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    server.execute(f"CREATE DATABASE {database}")
    single, batches, longest = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), server, database)
        (project.add_app("blog") / "20240101000001_fill.py").write_text(MIGRATION)
        for _ in range(rounds):
            prepare(project, rows)
            single.append(single_update(project))
            prepare(project, rows)
            seconds, held = backfill(project)
            batches.append(float(seconds))
            longest.append(held)
    for name, taken in (("a single UPDATE", single), ("schema.backfill", batches)):
        print(f"{name:<16} median {statistics.median(taken):.2f} s  ({min(taken):.2f} to {max(taken):.2f})")
    ratio = statistics.median(single) / statistics.median(batches)
    print(f"{rows:,} rows: schema.backfill has {ratio:.2f} x the rate of a single UPDATE,")
    print(f"  and holds the locks of a batch for {max(longest):.3f} s at most")
    server.execute(f"DROP DATABASE {database} WITH (FORCE)")


if __name__ == "__main__":
    main(*numbers.parsed("backfill", __doc__, rows=1_000_000, rounds=5))
