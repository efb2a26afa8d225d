"""sqitch: a plan of changes, each run by a psql of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..tools.server import Address, psql
from ..tools.sql import down, up, write
from .base import Peer, Verb

_PLAN = "%syntax-version=1.0.0\n%project=benchmark\n\n"
_CONFIGURATION = "[core]\n\tengine = pg\n[user]\n\tname = benchmark\n\temail = benchmark@localhost\n"


class Sqitch(Peer):
    name = "sqitch"

    def missing(self) -> str:
        return "" if shutil.which("sqitch") else "sqitch, by the system's packages"

    def write(self, folder: Path, count: int) -> None:
        write(folder / "sqitch.conf", _CONFIGURATION)
        plan = [f"b{number} 2024-01-01T00:00:00Z benchmark <benchmark@localhost>\n" for number in range(count)]
        write(folder / "sqitch.plan", _PLAN + "".join(plan))
        for number in range(count):
            write(folder / f"deploy/b{number}.sql", f"BEGIN;\n{up(number)}COMMIT;\n")
            write(folder / f"revert/b{number}.sql", f"BEGIN;\n{down(number)}COMMIT;\n")

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        command = {
            Verb.APPLY: ["deploy"],
            Verb.NOOP: ["deploy"],
            Verb.SHOW: ["status"],
            Verb.REVERT_LAST: ["revert", "-y", *(["--to", "@HEAD^"] if count > 1 else [])],
            Verb.REVERT_ALL: ["revert", "-y"],
        }[verb]
        return ["sqitch", *command, address.url.replace("postgres:", "db:pg:")]

    def environment(self) -> dict[str, str]:
        programs = str(Path(psql()).parent)
        return {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "SQITCH_SYSTEM_CONFIG": os.devnull,
            "SQITCH_USER_CONFIG": os.devnull,
            "TZ": "UTC",
        }
