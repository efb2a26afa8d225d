"""dbmate, a program in Go, with SQL files: a transaction for each. It reverts one a command."""

from __future__ import annotations

from pathlib import Path

from ..tools.server import Address
from ..tools.sql import down, up, write
from .base import NODE_MODULES, Peer, Verb, missing_node


class Dbmate(Peer):
    name = "dbmate"

    def missing(self) -> str:
        return missing_node("dbmate")

    def write(self, folder: Path, count: int) -> None:
        for number in range(count):
            write(folder / f"m/{number:05d}_b.sql", f"-- migrate:up\n{up(number)}\n-- migrate:down\n{down(number)}")

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        command = {
            Verb.APPLY: "migrate",
            Verb.NOOP: "migrate",
            Verb.SHOW: "status",
            Verb.REVERT_LAST: "rollback",
        }.get(verb)
        # The program itself: the package's `dbmate` starts Node first.
        program = next(NODE_MODULES.glob("@dbmate/*/bin/dbmate"))
        return [str(program), "--no-dump-schema", "-d", "m", command] if command else []
