"""A project with fleets on a server, its targets, and the commands that are measured there."""

from __future__ import annotations

import compileall
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..peers.manage import APP, write_bare_command, write_project
from ..peers.medusa import BUILD, ENVIRONMENT, write_sources
from ..tools.measure import Command, CommandError, Taken, measure
from ..tools.server import Address, Server, psql
from ..tools.sql import COUNT_TABLES, up, write

JOBS = 8
MIGRATIONS = 10

# The only target of `one` is the first of the schemas. Those of `new` need not be there yet.
_FLEETS = """
MEDUSA_MIGRATIONS = {
    "FLEETS": {
        "schemas": {
            "TARGETS": {"SQL": r"SELECT nspname AS schema FROM pg_namespace WHERE nspname ~ '^t\\d+$' ORDER BY 1"},
            "APPS": ["app"],
        },
        "databases": {
            "TARGETS": {
                "SQL": r"SELECT datname AS name, jsonb_build_object('NAME', datname) AS settings FROM pg_database"
                r" WHERE datname ~ '^t\\d+$' ORDER BY 1"
            },
            "APPS": ["app"],
        },
        "new": {"TARGETS": [{"schema": f"t{number:04d}"} for number in range(100)], "APPS": ["app"]},
        "one": {
            "TARGETS": {"SQL": "SELECT nspname AS schema FROM pg_namespace WHERE nspname = 't0000'"},
            "APPS": ["app"],
        },
    }
}
"""

# What a run reads of a history.
READ = "SELECT id, app, name, checksum, state FROM {}medusa_migrations ORDER BY id;"

# What a tool that keeps a history in each schema writes besides.
_HISTORY = (
    "CREATE TABLE history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now());\n"
)


def names(count: int) -> list[str]:
    """Those of so many targets."""
    return [f"t{number:04d}" for number in range(count)]


def with_history(count: int) -> str:
    """SQL of `count` migrations, each a transaction with a row of a history."""
    each = (f"BEGIN;\n{up(one)}INSERT INTO history (name) VALUES ('b{one}');\nCOMMIT;\n" for one in range(count))
    return _HISTORY + "".join(each)


@dataclass(frozen=True)
class Site:
    """A project in `folder` with `count` migrations, whose database is on `server`."""

    folder: Path
    server: Server
    count: int = MIGRATIONS

    def prepare(self) -> None:
        write_project(self.folder, "medusa_migrations", more=_FLEETS)
        write_bare_command(self.folder / APP)
        write_sources(self.folder / APP, self.count)
        measure(Command(BUILD, self.folder, ENVIRONMENT))
        compileall.compile_dir(self.folder, quiet=1)

    def write(self, name: str, lines: Iterable[str]) -> str:
        """Write a file of lines beside the project; gives its name."""
        write(self.folder / name, "".join(f"{line}\n" for line in lines))
        return name

    def manage(self, address: Address, *arguments: str) -> Command:
        return Command((sys.executable, "manage.py", *arguments), self.folder, ENVIRONMENT | address.environment())

    def run(self, address: Address, fleet: str = "schemas", *options: str) -> Command:
        return self.manage(address, "migrations_fleet", "run", fleet, "--jobs", str(JOBS), "-v0", *options)

    def psql(self, address: Address, *arguments: str) -> Command:
        more = address.environment() | {"PGOPTIONS": "-c client_min_messages=warning"}
        return Command((psql(), "-XqAt", "-v", "ON_ERROR_STOP=1", *arguments), self.folder, more)

    def xargs(self, address: Address, given: str, *arguments: str) -> dict[str, Command]:
        """psql, a process for each line of the file `given`, which stands for {}; as many at once as a fleet has.

        Twice: as it is called by its name, which Debian has a wrapper for, and the program itself.
        """
        program, *options = self.psql(address, *arguments).arguments
        named = shutil.which("psql") or program
        return {
            name: replace(
                self.psql(address), arguments=("xargs", "-a", given, "-P", str(JOBS), "-I", "{}", one, *options)
            )
            for name, one in (("xargs psql", named), ("xargs bare psql", program))
        }

    def with_schemas(self, count: int) -> Address:
        """A new database with so many empty schemas."""
        address = self.server.create("benchmark_fleet")
        if count:
            self.server.execute("".join(f"CREATE SCHEMA {name};" for name in names(count)), address.database)
        return address

    def applied(self, address: Address) -> int:
        """How many migrations are applied in all schemas of a database."""
        return int(self.server.execute(COUNT_TABLES, address.database)[0][0])

    def applying(self, command: Command, address: Address, count: int) -> Taken:
        """Take a command that applies all in `count` schemas. Raises CommandError if it does not."""
        taken = measure(command)
        if (found := self.applied(address)) != count * self.count:
            raise CommandError(f"{' '.join(command.arguments)} has applied {found}, not {count * self.count}.")
        return taken
