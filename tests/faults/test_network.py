"""What happens between the client and the server: cut connections, a crashing server, a pooler."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import Error

from medusa_migrations.database.postgresql import server_error
from tests.support.network import Proxy
from tests.support.projects import SLEEPING, UNLOCKED, Project
from tests.support.servers import as_standby, server_in, stop
from tests.support.sessions import session_on

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")


def through(project: Project, port: int) -> dict[str, str]:
    """The environment in which the project connects through a port of this machine."""
    database = json.loads(project.environment()["TEST_DATABASE"])
    return {"TEST_DATABASE": json.dumps(database | {"HOST": "127.0.0.1", "PORT": str(port)})}


@pytest.mark.parametrize("cut_after", [False, True], ids=["before the server has it", "after the server has it"])
@pytest.mark.parametrize("option", ["", " transaction:false"])
def test_a_connection_that_is_cut_is_an_error_and_the_history_knows_the_truth(
    project: Project, cut_after: bool, option: str
) -> None:
    first = project.table(1)
    project.write("blog.20240101000002_cut", "CREATE TABLE cut (id int);", option=option)
    with Proxy(project.server) as proxy:
        proxy.cut_at, proxy.cut_after = b"CREATE TABLE cut", cut_after
        error = project.run(env=through(project, proxy.port)).error()
    assert "blog.20240101000002_cut" in error
    assert "not known here whether it was applied" in error
    assert "looks into the history first" in error
    project.wait_for(UNLOCKED)
    assert ("cut" in project.tables()) == cut_after
    if not option:
        assert len(project.applied()) == (2 if cut_after else 1)
    project.run().ok()
    assert project.applied()[0] == first
    assert len(project.applied()) == 2
    assert project.tables() == {"t1", "cut"}


def test_a_server_that_crashes_is_an_error_and_the_next_run_goes_on(
    lone_project: Project, django_db_blocker: Any
) -> None:
    project, folder = lone_project, lone_project.folder.parent / "pg"
    project.table(1)
    project.write("blog.20240101000002_slow", "CREATE TABLE slow (id int); SELECT pg_sleep(1.5);")
    run = project.start("migrations_run", "--build")
    project.wait_for(SLEEPING)
    with django_db_blocker.unblock(), session_on(project.server, project.database) as idle:
        stop(folder, signal.SIGQUIT)
        _, stderr = run.communicate(timeout=30)
        with pytest.raises(Error) as lost:
            idle.execute("SELECT 1")
    assert server_error(lost.value).is_lost
    assert run.returncode == 1
    assert "Traceback" not in stderr
    assert "looks into the history first" in stderr
    server_in(folder)
    project.run().ok()
    assert project.tables() == {"t1", "slow"}
    assert len(project.applied()) == 2


@pytest.fixture
def pooler(project: Project, tmp_path: Path) -> Iterator[int]:
    """PgBouncer in transaction mode; its port."""
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed")
    with Proxy(project.server) as proxy, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        # It does not run as root, and cannot reach a folder that only root can.
        folder = tmp_path / "pgbouncer"
        folder.mkdir()
        user = project.server.parameters.get("user", "postgres")
        (folder / "users.txt").write_text(f'"{user}" ""\n')
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={proxy.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users.txt\n"
            "pool_mode = transaction\nignore_startup_parameters = extra_float_digits\n"
        )
        options = {}
        if os.geteuid() == 0:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, "nobody")
            for parent in folder.parents:
                if parent.stat().st_uid == 0 and str(parent).startswith("/tmp/"):
                    parent.chmod(0o755)
            options = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        process = subprocess.Popen(
            [PGBOUNCER, "-q", folder / "pgbouncer.ini"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield port
        process.terminate()
        process.communicate()


def test_a_pooler_in_transaction_mode_is_refused_unless_without_the_lock(project: Project, pooler: int) -> None:
    id_ = project.table(1)
    project.manage("migrations_build").ok()
    env = through(project, pooler)
    error = project.manage("migrations_run", env=env).error()
    assert "pooler" in error
    assert "--no-lock" in error
    assert project.history() == []
    project.manage("migrations_run", "--no-lock", env=env).ok()
    assert project.applied() == [id_]
    assert project.locks() == 0


def test_a_pooler_before_one_target_of_a_fleet_is_refused_and_hides_no_other(project: Project, pooler: int) -> None:
    project.sql("CREATE SCHEMA s1; CREATE SCHEMA s2")
    pooled = {"name": "pooled", "settings": {"HOST": "127.0.0.1", "PORT": str(pooler)}}
    project.configure(FLEETS={"f": {"TARGETS": [pooled, {"schema": "s1"}, {"schema": "s2"}], "MAX_FAILURES": 1}})
    project.table(1)
    project.manage("migrations_build").ok()
    error = project.manage("migrations_fleet", "run").error()
    assert "is behind a pooler" in error
    assert "3 targets of f: 2 done, 1 failed." in error


def test_a_standby_is_refused_before_anything_runs(lone_folder: Path, tmp_path: Path) -> None:
    server = as_standby(lone_folder)
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project", server, "postgres")
    id_ = project.table(1)
    error = project.run().error()
    assert "standby" in error
    assert "Point this alias at the primary" in error
    assert project.manage("migrations_show").ok().stdout == f"[ ] {id_}\n"


def test_a_stop_that_cannot_be_delivered_is_no_traceback_and_nothing_more_begins(project: Project) -> None:
    project.write("blog.20240101000001_slow", "SELECT pg_sleep(2);")
    project.table(2)
    with Proxy(project.server) as proxy:
        run = project.start("migrations_run", "--build", env=through(project, proxy.port))
        project.wait_for(SLEEPING)
        proxy.refuse()
        run.send_signal(signal.SIGTERM)
        _, stderr = run.communicate(timeout=30)
    assert run.returncode == 1
    assert "Traceback" not in stderr
    assert "Stopped by SIGTERM" in stderr
    assert project.applied() == ["blog.20240101000001_slow"]
