"""The least that a transaction for each migration takes: psycopg2, one message each, and a row that says so."""

from __future__ import annotations

import sys
from pathlib import Path

from ..tools.server import Address
from ..tools.sql import down, up, write
from .base import Peer, Verb

_SCRIPT = """\
import sys
from pathlib import Path
import psycopg2
connection = psycopg2.connect("")
connection.autocommit = True
cursor = connection.cursor()
cursor.execute("CREATE TABLE IF NOT EXISTS history (name text PRIMARY KEY)")
record = {"up": "INSERT INTO history VALUES ('%s')", "down": "DELETE FROM history WHERE name = '%s'"}[sys.argv[1]]
for path in sorted(Path(sys.argv[1]).iterdir(), reverse=sys.argv[1] == "down"):
    cursor.execute(f"BEGIN;{path.read_text()};{record % path.stem};COMMIT")
"""


class Floor(Peer):
    name = "floor"

    def missing(self) -> str:
        return ""

    def write(self, folder: Path, count: int) -> None:
        write(folder / "floor.py", _SCRIPT)
        for number in range(count):
            write(folder / f"up/{number:05d}.sql", up(number))
            write(folder / f"down/{number:05d}.sql", down(number))

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        way = {Verb.APPLY: "up", Verb.REVERT_ALL: "down"}.get(verb)
        return [sys.executable, "floor.py", way] if way else []
