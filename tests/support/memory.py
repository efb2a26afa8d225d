"""The folder of the tests' server in memory: they make and remove thousands of databases, each of many files."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # Linux has it
ROOM = 4_000_000_000  # bytes: twice what the whole suite takes at most


def folder_in_memory(root: Path) -> Path | None:
    """The folder for the checkout `root`, its interpreter and its PostgreSQL; None where memory has no room for it."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        return None
    whose = f"{root} {sys.version} {os.environ.get('EMBEDDED_POSTGRES_BIN')}"
    return MEMORY / f"medusa_migrations-{os.geteuid()}-{hashlib.sha256(whose.encode()).hexdigest()[:8]}"


def temporary_folder(root: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder for another server, where the tests' server has its data: in memory, if that is there."""
    folder = os.environ.get("TEST_POSTGRES")
    if folder:
        (root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=root / folder if folder else None)


def remove_when_unused(folder: Path) -> None:
    """Remove the folder, from a process of its own, as soon as its server has stopped, which nobody uses."""
    nowhere = subprocess.DEVNULL  # who reads what the tests print need not wait for this
    command = [sys.executable, "-I", "-S", __file__, folder]
    subprocess.run(command, start_new_session=True, stdin=nowhere, stdout=nowhere, stderr=nowhere, check=True)


def _remove(folder: Path) -> None:
    try:
        users = os.open(folder / "users.lock", os.O_RDWR | os.O_CREAT)  # maybe only other servers were in it
    except FileNotFoundError:
        return
    fcntl.flock(users, fcntl.LOCK_EX)  # shared by all who use the server (project/postgres.py)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__" and os.fork() == 0:
    _remove(Path(sys.argv[1]))
