"""What a peer is: the same migrations in its format, and its commands."""

from __future__ import annotations

import importlib.util
import os
import shutil
from abc import ABC, abstractmethod
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from ..tools.measure import Command
from ..tools.server import Address

# Where `npm install` in this folder puts the peers of Node.
NODE_MODULES = Path(os.environ.get("BENCHMARK_NODE_MODULES", Path(__file__).parent / "node_modules"))


class Verb(StrEnum):
    """What is measured: apply all to an empty database, with nothing to do, the states, undo one, undo all."""

    APPLY = "apply"
    NOOP = "no-op"
    SHOW = "show"
    REVERT_LAST = "revert last"
    REVERT_ALL = "revert all"


class Peer(ABC):
    """A tool that runs migrations, with its defaults unless its name says otherwise."""

    name: ClassVar[str]

    @abstractmethod
    def missing(self) -> str:
        """What has to be installed for it, as a command or in words; nothing if it is there."""

    @abstractmethod
    def write(self, folder: Path, count: int) -> None:
        """Write `count` migrations into the empty `folder`."""

    @abstractmethod
    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        """The command that does `verb` in the folder; empty if one command cannot."""

    def environment(self) -> dict[str, str]:
        """What its commands need besides the address of the database."""
        return {}

    def command(self, verb: Verb, folder: Path, count: int, address: Address) -> Command | None:
        """The command that does `verb`, None if one command cannot."""
        arguments = self.arguments(verb, count, address)
        return Command(tuple(arguments), folder, address.environment() | self.environment()) if arguments else None


def missing_package(module: str) -> str:
    return "" if importlib.util.find_spec(module) else "pip install -e '.[bench]'"


def missing_node(path: str) -> str:
    if not shutil.which("node"):
        return "Node"
    return "" if (NODE_MODULES / path).exists() else "npm install --no-package-lock in benchmarks/peers"
