"""A machine that vanishes without a word frees its lock soon.

Reported by users: the lock was held for the two hours after which the server's system asks for the first time whether
its client is still there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from project import postgres
from tests.support.projects import SLEEPING, UNLOCKED, Project, Server

HERE, THERE = "10.213.77.1", "10.213.77.2"

# A part of the time that it takes in earnest.
SOON = "from medusa_migrations.database import session\nsession.VANISHED_SECONDS = 3"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network of its own, which reaches this machine at HERE."""
    name, near, far = f"medusa{os.getpid()}", f"mn{os.getpid()}", f"mf{os.getpid()}"
    with ExitStack() as stack:
        try:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
            ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
            stack.callback(subprocess.run, ["ip", "link", "delete", near], capture_output=True)
            ip("addr", "add", f"{HERE}/30", "dev", near)
            ip("link", "set", near, "up")
            ip("-n", name, "addr", "add", f"{THERE}/30", "dev", far)
            ip("-n", name, "link", "set", far, "up")
        except FileNotFoundError:
            pytest.skip("iproute2 is not installed: there is no `ip`")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"No network namespace can be made here: {error.stderr.strip()}")
        yield name


@contextmanager
def server_at(address: str, folder: Path) -> Iterator[Server]:
    """A PostgreSQL that listens on the network too; the example's never does."""
    identity, programs = postgres.server_identity(folder, postgres.programs())
    data = folder / "data"
    made = ["initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run([programs / made[0], *made[1:]], check=True, capture_output=True, **identity)
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {address}/30 trust\n")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder, "-c", f"listen_addresses={address}", "-c", "fsync=off"],
            stdout=log,
            stderr=log,
            **identity,
        )
    state = data / "postmaster.pid"
    while not (state.exists() and "ready" in state.read_text()):
        assert server.poll() is None, (folder / "log").read_text()
        time.sleep(0.02)
    try:
        yield Server({"host": str(folder), "port": 5432, "user": "postgres"}, "postgres")
    finally:
        server.send_signal(signal.SIGINT)  # the fast shutdown
        server.wait()


IDLE = "EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle in transaction')"
SLEEPS = "blog.20240101000001_sleeps"
THINKS = """
import time
def up(schema):
    schema.query("SELECT 1")
    time.sleep(60)
"""


def vanishing_run(project: Project, namespace: str) -> subprocess.Popen[bytes]:
    """A run on a machine that reaches the server through the network of `namespace` only."""
    project.add_settings(SOON)
    project.manage("migrations_build").ok()
    database = json.loads(project.environment()["TEST_DATABASE"]) | {"HOST": HERE}
    return subprocess.Popen(
        ["ip", "netns", "exec", namespace, project.python, "manage.py", "migrations_run"],
        cwd=project.folder,
        env=project.environment() | {"TEST_DATABASE": json.dumps(database)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_the_lock_of_a_machine_that_vanished_is_free_soon(namespace: str) -> None:
    with tempfile.TemporaryDirectory() as name, server_at(HERE, Path(name)) as server:
        projects = [Project(Path(tempfile.mkdtemp(dir=name)), server, database) for database in ("sleeps", "thinks")]
        for project in projects:
            server.execute(f"CREATE DATABASE {project.database}")
        sleeps, thinks = projects
        sleeps.write(SLEEPS, "RESET ALL;", option=" transaction:false")
        sleeps.write("blog.20240101000002_more", "SELECT pg_sleep(60);")
        (thinks.add_app("blog") / "20240101000001_thinks.py").write_text(THINKS)
        runs = [vanishing_run(project, namespace) for project in projects]
        sleeps.wait_for(SLEEPING)
        thinks.wait_for(IDLE)
        ip("-n", namespace, "link", "set", f"mf{os.getpid()}", "down")
        for run in runs:
            run.kill()
            run.wait()
        assert all(project.locks() for project in projects)
        for project in projects:
            project.wait_for(UNLOCKED, seconds=10)
        assert sleeps.applied() == [SLEEPS]
