"""graphile-migrate: SQL files in a chain of hashes, a transaction for each. It only goes forward."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..tools.server import Address
from ..tools.sql import up, write
from .base import NODE_MODULES, Peer, Verb, missing_node


class GraphileMigrate(Peer):
    name = "graphile-migrate"

    def missing(self) -> str:
        return missing_node(".bin/graphile-migrate")

    def write(self, folder: Path, count: int) -> None:
        write(folder / ".gmrc", '{"migrationsFolder": "m"}\n')
        write(folder / "m/current.sql", "")
        before = ""
        for number in range(count):
            body = up(number).strip()
            digest = "sha1:" + hashlib.sha1(f"{before}\n{body}".strip().encode() + b"\n").hexdigest()
            text = f"--! Previous: {before or '-'}\n--! Hash: {digest}\n\n{body}\n"
            write(folder / f"m/committed/{number + 1:06d}.sql", text)
            before = digest

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        return [str(NODE_MODULES / ".bin/graphile-migrate"), "migrate"] if verb in {Verb.APPLY, Verb.NOOP} else []
