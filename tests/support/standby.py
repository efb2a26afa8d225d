"""A server of its own that can only be read."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

from project import postgres
from tests.support.projects import Server


def server_in(folder: Path) -> Server:
    return Server({"host": str(postgres.start(folder)), "port": postgres.PORT, "user": "postgres"}, "postgres")


def as_standby(folder: Path) -> Server:
    """The server whose data is in `folder`, stopped and started again as a standby."""
    os.kill(int((folder / "data/postmaster.pid").read_text().split()[0]), signal.SIGINT)
    deadline = time.monotonic() + 20
    while (folder / "data/postmaster.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    mark = folder / "data/standby.signal"
    mark.touch()
    shutil.copystat(folder / "data/PG_VERSION", mark)
    owner = (folder / "data").stat()
    os.chown(mark, owner.st_uid, owner.st_gid)
    return server_in(folder)
