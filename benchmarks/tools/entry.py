"""A peer at work: its files and its database, and what each verb takes it."""

from __future__ import annotations

import compileall
from dataclasses import dataclass
from pathlib import Path

from ..peers import Peer, Verb
from .measure import CommandError, Taken, measure
from .proxy import Proxy
from .server import Address, Server
from .sql import COUNT_TABLES


@dataclass
class Entry:
    """`count` migrations of `peer`, written into a folder of their own inside `work`; use `prepare` first."""

    peer: Peer
    count: int
    server: Server
    work: Path
    proxy: Proxy | None = None
    database: str = ""  # the last that was made for it

    @property
    def folder(self) -> Path:
        return self.work / f"{self.peer.name}-{self.count}"

    def prepare(self) -> None:
        """Write the files, unless they are there, and make an empty database."""
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            self.peer.write(self.folder, self.count)
            compileall.compile_dir(self.folder, quiet=1)  # as installing a package does
        self._make_database()

    def can(self, verb: Verb) -> bool:
        return bool(self.peer.arguments(verb, self.count, self._address()))

    def measure(self, verb: Verb) -> Taken:
        """Carry out `verb`: on an empty database for APPLY, and with all applied, before and after it, for others.

        Raises CommandError if it fails, or does not leave the tables that it should.
        """
        if verb is Verb.APPLY:
            self._make_database()
        taken = self._carry_out(verb)
        if verb in {Verb.REVERT_LAST, Verb.REVERT_ALL} and self.can(Verb.APPLY):
            self._carry_out(Verb.APPLY)
        return taken

    def _make_database(self) -> None:
        self.database = self.server.create(self.folder.name.replace("-", "_")).database

    def _carry_out(self, verb: Verb) -> Taken:
        command = self.peer.command(verb, self.folder, self.count, self._address())
        assert command is not None, (self.peer.name, verb)
        taken = measure(command)
        tables = int(self.server.execute(COUNT_TABLES, self.database)[0][0])
        expected = {Verb.REVERT_LAST: self.count - 1, Verb.REVERT_ALL: 0}.get(verb, self.count)
        if tables != expected and self.can(Verb.APPLY):
            raise CommandError(f"{self.peer.name} left {tables} tables after {verb}, not {expected}.")
        return taken

    def _address(self) -> Address:
        address = Address(self.server.address.port, self.database)
        return self.proxy.address(address) if self.proxy else address
