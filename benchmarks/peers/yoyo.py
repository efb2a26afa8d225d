"""yoyo-migrations with SQL files: a transaction for each, and others for what it records of them."""

from __future__ import annotations

import sys
from pathlib import Path

from ..tools.server import Address
from ..tools.sql import down, up, write
from .base import Peer, Verb, missing_package


class Yoyo(Peer):
    name = "yoyo"

    def missing(self) -> str:
        return missing_package("yoyo")

    def write(self, folder: Path, count: int) -> None:
        for number in range(count):
            write(folder / f"m/{number:05d}.sql", up(number))
            write(folder / f"m/{number:05d}.rollback.sql", down(number))

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        command, *options = {
            Verb.APPLY: ["apply"],
            Verb.NOOP: ["apply"],
            Verb.SHOW: ["list"],
            Verb.REVERT_LAST: ["rollback"],
            Verb.REVERT_ALL: ["rollback", "--all"],
        }[verb]
        url = address.url.replace("postgres:", "postgresql:")
        program = str(Path(sys.executable).with_name("yoyo"))
        return [program, command, "--batch", "--no-config-file", "-d", url, *options, "m"]
