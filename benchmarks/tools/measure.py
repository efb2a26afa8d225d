"""What a command takes: the one way that all benchmarks time one, and take several in turn."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")
TIMEOUT = 900  # seconds


class CommandError(Exception):
    """A command failed, or did not do what it is measured for; the message ends with what it printed."""


@dataclass(frozen=True)
class Command:
    """A program with its arguments, where it runs, and what its environment has besides."""

    arguments: tuple[str, ...]
    folder: Path
    more_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment, without what changes Python's own ways, such as PYTHONDONTWRITEBYTECODE."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return {**kept, **self.more_environment}


@dataclass(frozen=True)
class Taken:
    """What one process and its children took: seconds, seconds of their own CPU, peak bytes of the largest one."""

    wall: float
    cpu: float
    peak: int


def measure(command: Command) -> Taken:
    """Run `command`. Raises CommandError if it fails."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as taken:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", LAUNCH, str(taken.fileno()), *command.arguments],
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[taken.fileno()],
            start_new_session=True,
        )
        try:
            code = process.wait(TIMEOUT)
        finally:
            with suppress(ProcessLookupError):  # after a Ctrl-C, the command and its children go too
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if code:
            output.seek(0)
            raise CommandError(f"{' '.join(command.arguments)} failed:\n{output.read()[-2000:].strip()}")
        taken.seek(0)
        return Taken(**json.load(taken))


def in_turn(work: Mapping[str, Callable[[], Taken]], rounds: int) -> dict[str, list[Taken]]:
    """Do each piece of work once a round, so that a slow moment of the machine meets all of them.

    Every other round goes backwards. A piece that raises CommandError is left out from then on, and told on stderr;
    it has no results.
    """
    results: dict[str, list[Taken]] = {name: [] for name in work}
    for number in range(rounds):
        names = list(results)
        for name in names if number % 2 == 0 else reversed(names):
            try:
                results[name].append(work[name]())
            except CommandError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
                del results[name]
    return results


@dataclass(frozen=True)
class Spread:
    """The median of some measurements, and the least and the largest."""

    median: float
    least: float
    largest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        values = list(values)
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int) -> str:
        return f"{self.median:.{digits}f} ({self.least:.{digits}f} to {self.largest:.{digits}f})"


def walls(taken: Iterable[Taken]) -> Spread:
    return Spread.of(one.wall for one in taken)


def ratio(ours: Iterable[float], theirs: Iterable[float]) -> Spread:
    """The ratio of two medians of the same rounds; the least and the largest are of single rounds."""
    ours, theirs = list(ours), list(theirs)
    single = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Spread(statistics.median(ours) / statistics.median(theirs), min(single), max(single))
