"""How a run of a fleet looks in a terminal, and as JSON."""

from __future__ import annotations

import json
import shutil
import threading
import time
import unicodedata
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from django.core.management.base import OutputWrapper
from django.core.management.color import Style

from medusa_migrations.fleet.results import FleetError, FleetResult, TargetResult
from medusa_migrations.migration import Direction
from medusa_migrations.results import duration

from .console import failure_json, plural, printable, written
from .progress import rounded

# How many errors of a run are shown, and how many names with each.
MOST_ERRORS = 10
MOST_NAMES = 7

_DID = {Direction.UP: "applied", Direction.DOWN: "reverted"}


class FleetProgress:
    """How far a run of a fleet is; may be called from any thread.

    On a terminal one line on `stderr` is drawn again and again. Where none shows that, or `stdout` goes elsewhere, a
    line on `stdout` says what each target did; one that had nothing to do has none. `quiet` writes nothing to `stdout`,
    and verbosity 0 nothing at all.
    """

    def __init__(
        self,
        stdout: OutputWrapper,
        stderr: OutputWrapper,
        style: Style,
        verbosity: int,
        *,
        total: int,
        direction: Direction = Direction.UP,
        quiet: bool = False,
    ) -> None:
        self.stdout, self.stderr, self.style, self.total = stdout, stderr, style, total
        self.did = _DID[direction]
        self.is_silent = verbosity == 0
        self.draws = not self.is_silent and stderr.isatty()
        self.lists = not self.is_silent and not quiet and not (self.draws and stdout.isatty())
        self.running: dict[str, None] = {}
        self.done = self.failed = 0
        self.begun_at = time.monotonic()
        self.drawn = 0  # how wide the line is
        self._guard = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._guard:
            self._clear()

    def began(self, name: str) -> None:
        """Show that a target is under way."""
        with self._guard:
            self.running[name] = None
            self._draw()

    def ended(self, target: TargetResult) -> None:
        """Show what became of a target."""
        with self._guard:
            self.running.pop(target.name, None)
            self.done += 1
            self.failed += target.state == "failed"
            if self.lists and target.state in ("done", "failed"):
                self._clear()
                self.lists = written(self.stdout, target_line(target, self.did, self.style))
            self._draw()

    def alert(self, text: str) -> None:
        """Say something on stderr, on a line of its own."""
        with self._guard:
            if not self.is_silent:
                self._clear()
                written(self.stderr, self.style.WARNING(printable(text)))
                self._draw()

    def _draw(self) -> None:
        if self.draws:
            seconds = time.monotonic() - self.begun_at
            line = progress_line(self.done, self.total, self.failed, list(self.running), seconds)
            text = _cut(line, shutil.get_terminal_size().columns - 1)
            width = _width(text)
            self.draws = written(self.stderr, f"\r{text}{' ' * (self.drawn - width)}", "", str)
            self.drawn = width

    def _clear(self) -> None:
        if self.drawn:
            self.draws = written(self.stderr, f"\r{' ' * self.drawn}\r", "", str)
            self.drawn = 0


def progress_line(done: int, total: int, failed: int, running: list[str], seconds: float) -> str:
    """How far a run is, in words: targets, targets a second, the time left, failures, and what is under way."""
    words = [f"{done:,} of {total:,} targets"]
    if done and seconds > 0:
        words.append(f"{done / seconds:,.1f}/s")
        words += [f"{rounded((total - done) * seconds / done)} left"] if done < total else []
    words += [f"{failed:,} failed"] if failed else []
    words += [f"running {printable(', '.join(running))}"] if running else []
    return ", ".join(words)


def target_line(target: TargetResult, did: str, style: Style) -> str:
    """The line of a target that did something, or failed."""
    took = "" if target.duration_ms is None else f" ({duration(target.duration_ms)})"
    name = printable(target.name)
    if target.state == "failed":
        before = f" {did} {plural(len(target.applied))}, then" if target.applied else ""
        why = _one_line(target.error.message if target.error else target.told)
        which = f"{target.error.id}: " if target.error and target.error.id else ""
        return f"  {name}:{before} {style.ERROR('FAILED')}{took}: {printable(which + why)}"
    return f"  {name}: {style.SUCCESS(f'{did} {plural(len(target.applied))}')}{took}"


def errors_text(errors: tuple[FleetError, ...]) -> str:
    """The errors of a run, each once, with the names of the targets that share it."""
    return "\n\n".join(_error_texts(errors))


def _error_texts(errors: tuple[FleetError, ...]) -> Iterator[str]:
    for error in errors[:MOST_ERRORS]:
        more = len(error.targets) - MOST_NAMES
        names = ", ".join(error.targets[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
        yield printable(f"{plural(len(error.targets), 'target')} failed: {names}\n{error.told}")
    rest = errors[MOST_ERRORS:]
    if rest:
        targets = sum(len(error.targets) for error in rest)
        yield f"And {plural(len(rest), 'other error')} of {plural(targets, 'target')}: --json has all."


def fleet_json(result: FleetResult, *, every: bool = False) -> str:
    """The document of `migrations_fleet run --json` and `revert --json`; with `every` current targets are in it too."""
    document = {
        "fleet": result.fleet,
        "run": result.run,
        "direction": str(result.direction),
        "build": result.build,
        "outcome": result.outcome,
        "counts": result.counts._asdict(),
        "errors": [_error_json(error) for error in result.errors],
        "targets": [_target_json(target) for target in result.targets if every or target.state != "current"],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _error_json(error: FleetError) -> dict[str, Any]:
    failure = error.failure
    return {
        "migration": str(failure.id) if failure.id else None,
        "sqlstate": failure.sqlstate,
        "message": failure.message,
        "file": failure.file,
        "line": failure.line,
        "targets": list(error.targets),
    }


def _target_json(target: TargetResult) -> dict[str, Any]:
    return {
        "name": target.name,
        "state": target.state,
        "applied": [str(id_) for id_ in target.applied],
        "duration_ms": target.duration_ms,
        "attempt": target.attempt,
        "error": failure_json(target.error) if target.error else None,
    }


def _one_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _width(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _cut(text: str, width: int) -> str:
    """As much of `text` as fits into one line."""
    if _width(text) <= width:
        return text
    while text and _width(text) >= width:
        text = text[:-1]
    return f"{text}…"
