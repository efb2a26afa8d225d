"""How to run."""

from __future__ import annotations

from dataclasses import dataclass

from medusa_migrations.migration import Direction


@dataclass(frozen=True, slots=True)
class Options:
    """How to run. The timeouts are PostgreSQL durations, None for the server's own.

    `command` is the one to run again, if that is not the direction's own; only those have options for the rest.
    """

    mode: str = "each"
    lock_timeout: str | None = None
    statement_timeout: str | None = None
    retries: int = 0
    command: str = ""

    def again(self, direction: Direction) -> str:
        """The command that goes on with a run that ended early."""
        return self.command or ("migrations_run" if direction is Direction.UP else "migrations_revert")

    def timeouts(self, command: str) -> str:
        """SQL that sets the timeouts with `command`, SET or SET LOCAL."""
        given = {"lock_timeout": self.lock_timeout, "statement_timeout": self.statement_timeout}
        return "".join(f"{command} {name} = '{value}';" for name, value in given.items() if value is not None)
