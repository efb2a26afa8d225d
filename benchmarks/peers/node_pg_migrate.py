"""node-pg-migrate with SQL files: one transaction for everything, or with `-each` one for each migration."""

from __future__ import annotations

from pathlib import Path

from ..tools.server import Address
from ..tools.sql import down, up, write
from .base import NODE_MODULES, Peer, Verb, missing_node

_FIRST = 1_700_000_000_000  # milliseconds, as it names its files


class NodePgMigrate(Peer):
    name = "node-pg-migrate"

    def missing(self) -> str:
        return missing_node(".bin/node-pg-migrate")

    def write(self, folder: Path, count: int) -> None:
        for number in range(count):
            text = f"-- Up Migration\n{up(number)}\n-- Down Migration\n{down(number)}"
            write(folder / f"m/{_FIRST + number}_b{number}.sql", text)

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        command = {
            Verb.APPLY: ["up"],
            Verb.NOOP: ["up"],
            Verb.REVERT_LAST: ["down"],
            Verb.REVERT_ALL: ["down", str(count)],
        }.get(verb)
        program = str(NODE_MODULES / ".bin/node-pg-migrate")
        return [program, *command, "-m", "m", "--verbose", "false", *self.options()] if command else []

    def options(self) -> list[str]:
        return []


class NodePgMigrateEach(NodePgMigrate):
    name = "node-pg-migrate-each"

    def options(self) -> list[str]:
        return ["--no-single-transaction"]
