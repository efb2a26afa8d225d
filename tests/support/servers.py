"""Servers of their own, started and stopped by their folders."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from pathlib import Path

from project import postgres
from tests.support.projects import Server


def server_in(folder: Path) -> Server:
    return Server({"host": str(postgres.start(folder)), "port": postgres.PORT, "user": "postgres"}, "postgres")


def set_sync(server: Server, value: str) -> None:
    """Whether what is written survives the machine; it survives the server in any case."""
    for name in ("fsync", "full_page_writes"):
        server.execute(f"ALTER SYSTEM SET {name} = {value}")
    server.execute("SELECT pg_reload_conf()")


def stop(folder: Path, how: signal.Signals = signal.SIGINT) -> None:
    """The server whose data is in `folder` has ended, with all its processes. It is no error where it had already."""
    with (folder / "server.lock").open() as lock:  # of the server's processes, see `project.postgres`
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.kill(int((folder / "data/postmaster.pid").read_text().split()[0]), how)
            fcntl.flock(lock, fcntl.LOCK_EX)


def as_standby(folder: Path) -> Server:
    """The server whose data is in `folder`, stopped and started again as a standby."""
    stop(folder)
    mark = folder / "data/standby.signal"
    mark.touch()
    shutil.copystat(folder / "data/PG_VERSION", mark)
    owner = (folder / "data").stat()
    os.chown(mark, owner.st_uid, owner.st_gid)
    return server_in(folder)
