"""psql, with nothing that tracks what is applied: what the server needs, one transaction or a file at a time."""

from __future__ import annotations

from pathlib import Path

from ..tools.server import Address, psql
from ..tools.sql import down, up, write
from .base import Peer, Verb

_QUIET = {"PGOPTIONS": "-c client_min_messages=warning"}


class PsqlOne(Peer):
    """`psql -1`: one file with everything, one transaction."""

    name = "psql-one"

    def missing(self) -> str:
        return ""

    def write(self, folder: Path, count: int) -> None:
        write(folder / "up.sql", "".join(up(number) for number in range(count)))
        write(folder / "down.sql", "".join(down(number) for number in reversed(range(count))))

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        script = {Verb.APPLY: "up.sql", Verb.REVERT_ALL: "down.sql"}.get(verb)
        return [psql(), "-X", "-q", "-v", "ON_ERROR_STOP=1", *self.options(), "-f", script] if script else []

    def options(self) -> list[str]:
        return ["-1"]

    def environment(self) -> dict[str, str]:
        return _QUIET


class PsqlEach(PsqlOne):
    """A file and a transaction for each migration, over one connection."""

    name = "psql-each"

    def write(self, folder: Path, count: int) -> None:
        for kind, text, order in (("up", up, range(count)), ("down", down, reversed(range(count)))):
            names = []
            for number in order:
                names.append(f"{kind}/{number:05d}.sql")
                write(folder / names[-1], f"BEGIN;\n{text(number)}COMMIT;\n")
            write(folder / f"{kind}.sql", "".join(f"\\ir {name}\n" for name in names))

    def options(self) -> list[str]:
        return []
