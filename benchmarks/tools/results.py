"""What was measured, with what it was measured on: kept as JSON, shown as Markdown."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..peers import Verb
from .measure import Spread, Taken, ratio, walls
from .server import Server


@dataclass(frozen=True)
class Circumstances:
    """When, where and with what."""

    date: str
    machine: str
    server: str
    python: str
    django: str
    rounds: int
    driver: str = ""  # an earlier run's may not have it

    @classmethod
    def now(cls, server: Server, rounds: int) -> Circumstances:
        return cls(
            date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            machine=f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
            server=f"PostgreSQL {server.version()}, default settings, TCP on localhost",
            python=platform.python_version(),
            django=version("django"),
            rounds=rounds,
            driver=_driver(),
        )

    def text(self) -> str:
        return (
            f"{self.date}; {self.machine}; {self.server}; Python {self.python}, Django {self.django}, "
            f"{self.driver}; medians of {self.rounds} rounds in turn (least to largest)."
        )


def _driver() -> str:
    """The one that Django takes."""
    for name in ("psycopg", "psycopg2-binary"):
        with contextlib.suppress(PackageNotFoundError):
            return f"{name} {version(name)}"
    return "psycopg2"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


@dataclass
class Results:
    """All rounds, by verb, number of migrations and peer."""

    circumstances: Circumstances
    taken: dict[tuple[Verb, int, str], list[Taken]] = field(default_factory=dict)

    def add(self, verb: Verb, count: int, taken: Mapping[str, list[Taken]]) -> None:
        self.taken |= {(verb, count, peer): rounds for peer, rounds in taken.items()}

    def wall(self, verb: Verb, count: int, peer: str) -> Spread | None:
        rounds = self.taken.get((verb, count, peer))
        return walls(rounds) if rounds else None

    def ratio(self, verb: Verb, count: int, peer: str, reference: str) -> Spread | None:
        """The ratio of the medians of two peers; the least and the largest are of single rounds."""
        ours, theirs = self.taken.get((verb, count, peer)), self.taken.get((verb, count, reference))
        if not ours or not theirs:
            return None
        return ratio((one.wall for one in ours), (one.wall for one in theirs))

    def peers(self, count: int) -> list[str]:
        """Those that were measured with `count` migrations, the fastest to apply them first."""
        names = {peer for _, number, peer in self.taken if number == count}

        def seconds(peer: str) -> float:
            wall = self.wall(Verb.APPLY, count, peer)
            return wall.median if wall else float("inf")

        return sorted(names, key=lambda peer: (seconds(peer), peer))

    def save(self, path: Path, **more: object) -> None:
        """Write all of it as JSON, and `more` with it."""
        rounds = [
            {"verb": verb, "migrations": count, "peer": peer, "rounds": [asdict(one) for one in taken]}
            for (verb, count, peer), taken in self.taken.items()
        ]
        document = {"circumstances": asdict(self.circumstances), **more, "results": rounds}
        path.write_text(json.dumps(document, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        document = json.loads(path.read_text())
        taken = {
            (Verb(entry["verb"]), entry["migrations"], entry["peer"]): [Taken(**one) for one in entry["rounds"]]
            for entry in document["results"]
        }
        return cls(Circumstances(**document["circumstances"]), taken)


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
