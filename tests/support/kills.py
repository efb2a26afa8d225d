"""Ways to end a run in its middle, and what whoever is on duty does then."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project import postgres
from tests.support.projects import Project, Server

_BACKENDS = "pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'medusa_migrations %'"


def wait_for_backend(project: Project, run: subprocess.Popen[str]) -> None:
    """Until the server works for a run, or that has ended: Python's start takes most of the time."""
    with closing(project.server.connect(project.database)) as connection, connection.cursor() as cursor:
        while run.poll() is None:
            cursor.execute(f"SELECT count(*) FROM {_BACKENDS}")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.005)


def terminate_backend(project: Project) -> bool:
    """Tells whether it was still at work."""
    return bool(project.sql(f"SELECT pg_terminate_backend(pid) FROM {_BACKENDS}"))


def crash(project: Project) -> None:
    """The server stops as with `pg_ctl stop -m immediate`, and is started again. It has to be the project's own."""
    folder = Path(project.server.parameters["host"])
    pid_file = folder / "data/postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
    while pid_file.exists():
        time.sleep(0.005)
    postgres.start(folder)


def give_few_locks(project: Project) -> None:
    """The server has room for some hundred locks in place of thousands. It has to be the project's own."""
    for name in ("max_locks_per_transaction", "max_connections"):
        project.sql(f"ALTER SYSTEM SET {name} = 10")
    crash(project)  # they are read when it starts


@dataclass(frozen=True)
class _Asked(Server):
    connection: Any = None

    def execute(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def one_connection(project: Project) -> Iterator[None]:
    """What the project's own database is asked goes over one connection: one for each takes longer than to ask."""
    server = project.server
    with closing(server.connect(project.database)) as connection:
        project.server = _Asked(server.parameters, server.maintenance, server.strategy, server.template, connection)
        try:
            yield
        finally:
            project.server = server


def _by_signal(number: signal.Signals) -> Callable[[Project, subprocess.Popen[str]], bool]:
    def end(project: Project, run: subprocess.Popen[str]) -> bool:
        was_running = run.poll() is None
        run.send_signal(number)
        return was_running

    return end


def _by_crash(project: Project, run: subprocess.Popen[str]) -> bool:
    was_running = run.poll() is None
    crash(project)
    return was_running


# Each ends a run, and tells whether it was still at work.
WAYS: dict[str, Callable[[Project, subprocess.Popen[str]], bool]] = {
    "SIGKILL": _by_signal(signal.SIGKILL),
    "SIGINT": _by_signal(signal.SIGINT),
    "SIGTERM": _by_signal(signal.SIGTERM),
    "SIGHUP": _by_signal(signal.SIGHUP),
    "terminated backend": lambda project, run: terminate_backend(project),
    "crash of the server": _by_crash,
}
