"""medusa_migrations, built before it is measured; and the start-up of a Django command in the same project."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..tools.measure import Command, measure
from ..tools.server import ROOT, Address
from ..tools.sql import down, up, write
from .base import Peer, Verb
from .manage import APP, write_bare_command, write_project

# The package of this checkout, wherever another is installed.
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
BUILD = (sys.executable, "manage.py", "migrations_build")
_FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def write_sources(app: Path, count: int) -> None:
    """Give an app `count` migrations."""
    for number in range(count):
        moment = _FIRST + timedelta(seconds=number)
        text = f"-- migrate:up\n{up(number)}-- migrate:down\n{down(number)}"
        write(app / f"sql_migrations/{moment:%Y%m%d%H%M%S}_b{number}.sql", text)


class Medusa(Peer):
    name = "medusa"

    def missing(self) -> str:
        return ""

    def write(self, folder: Path, count: int) -> None:
        write_project(folder, "medusa_migrations")
        write_sources(folder / APP, count)
        measure(Command(BUILD, folder, ENVIRONMENT))

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        command = {
            Verb.APPLY: ["migrations_run", *self.options()],
            Verb.NOOP: ["migrations_run", *self.options()],
            Verb.SHOW: ["migrations_show"],
            Verb.REVERT_LAST: ["migrations_revert", *self.options()],
            Verb.REVERT_ALL: ["migrations_revert", "--all", *self.options()],
        }[verb]
        return [sys.executable, "manage.py", *command]

    def options(self) -> list[str]:
        return ["--transaction", "each"]

    def environment(self) -> dict[str, str]:
        return ENVIRONMENT


class MedusaAll(Medusa):
    """One transaction for all."""

    name = "medusa-all"

    def options(self) -> list[str]:
        return ["--transaction", "all"]


class Bare(Peer):
    """No peer but the yardstick of what is over at once: a Django command that sends one query."""

    name = "bare"

    def missing(self) -> str:
        return ""

    def write(self, folder: Path, count: int) -> None:
        write_project(folder, "medusa_migrations")
        write_bare_command(folder / APP)

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        quick = verb in {Verb.NOOP, Verb.SHOW, Verb.REVERT_LAST}
        return [sys.executable, "manage.py", "bare"] if quick else []

    def environment(self) -> dict[str, str]:
        return ENVIRONMENT
