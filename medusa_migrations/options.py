"""How to run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How to run. The timeouts are PostgreSQL durations, None for the server's own.

    `command` is the one that a message names to go on with, if it is not the direction's.
    """

    mode: str = "each"
    lock_timeout: str | None = None
    statement_timeout: str | None = None
    retries: int = 0
    command: str = ""

    def timeouts(self, command: str) -> str:
        """SQL that sets the timeouts with `command`, SET or SET LOCAL."""
        given = {"lock_timeout": self.lock_timeout, "statement_timeout": self.statement_timeout}
        return "".join(f"{command} {name} = '{value}';" for name, value in given.items() if value is not None)
