"""How results look in a terminal and as JSON."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.management.color import Style

from .make import shown_path
from .migration import Direction
from .results import (
    BuildResult,
    Built,
    Event,
    Failed,
    Failure,
    Finished,
    Retrying,
    RunResult,
    ShownMigration,
    ShowResult,
    Started,
    Waiting,
)

_VERB = {Direction.UP: "Applying", Direction.DOWN: "Reverting"}
_MARKS = {
    "applied": "[X]",
    "pending": "[ ]",
    "changed": "[!]",
    "missing": "[?]",
    "failed": "[F]",
    "running": "[>]",
    "disabled": "[-]",
}
_REMARKS = {
    "changed": "changed since it was applied",
    "missing": "applied, but there is no file",
    "failed": "failed part-way",
    "running": "running now",
    "disabled": "its feature is off",
}


class Console:
    """Listens to a run and writes it in Django's manner; what is wrong or waited for goes to `stderr`."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper, style: Style, *, silent: bool) -> None:
        self.stdout, self.stderr, self.style, self.silent = stdout, stderr, style, silent
        self.headed = False

    def __call__(self, event: Event) -> None:
        match event:
            case Built(result):
                warn(self.stderr, self.style, result)
                if result.new:
                    self.write(built_line(result))
            case Started():
                self.start(event)
            case Finished():
                took = "FAKED" if event.fake else f"OK ({duration(event.duration_ms)})"
                self.write(f" {self.style.SUCCESS(took.split()[0])}{took[len(took.split()[0]) :]}")
            case Failed():
                self.write(self.style.ERROR(" FAILED"))
            case Waiting():
                self.stderr.write(
                    f"Waiting up to {event.seconds:.0f} s for the lock: migrations are being run by {event.holder}."
                )
            case Retrying():
                self.write("")
                self.stderr.write(
                    f"{event.id or 'The run'} was rolled back: {event.reason}. Try {event.attempt + 1} in "
                    f"{event.seconds:.1f} s."
                )

    def start(self, event: Started) -> None:
        if not self.headed:
            running = "Running migrations:" if event.direction is Direction.UP else "Reverting migrations:"
            self.write(self.style.MIGRATE_HEADING(running))
            self.headed = True
        late = " (out of order)" if event.out_of_order else ""
        self.write(f"  {_VERB[event.direction]} {event.id}{late}...", ending="")

    def write(self, text: str, ending: str = "\n") -> None:
        if not self.silent:
            self.stdout.write(text, ending=ending)
            self.stdout.flush()


def duration(milliseconds: int | None) -> str:
    """`12 ms`, `3.4 s`, `2 min 5 s`."""
    if milliseconds is None:
        return "unknown"
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds} s"


def plural(count: int, what: str = "migration") -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def built_line(result: BuildResult) -> str:
    return f"Built {plural(len(result.built))} ({len(result.new)} new) into {shown_path(result.dist_dir)}"


def warn(stderr: OutputWrapper, style: Style, result: BuildResult) -> None:
    for warning in result.warnings:
        stderr.write(f"Warning: {warning}", style.WARNING)


def show_line(shown: ShownMigration, style: Style) -> str:
    remarks = [_REMARKS[shown.state]] if shown.state in _REMARKS else []
    if shown.applied_at:
        remarks.append(f"{shown.applied_at:%Y-%m-%d %H:%M:%S}")
    if shown.duration_ms is not None:
        remarks.append(duration(shown.duration_ms))
    if shown.out_of_order:
        remarks.append("out of order")
    mark = _MARKS[shown.state]
    coloured = {"applied": style.SUCCESS, "changed": style.ERROR, "failed": style.ERROR, "missing": style.WARNING}
    mark = coloured.get(shown.state, str)(mark)
    return f"{mark} {shown.id}" + (f" ({', '.join(remarks)})" if remarks else "")


def run_json(result: RunResult) -> str:
    return _dump(
        {
            "database": result.database,
            "direction": str(result.direction),
            "migrations": [
                {"id": str(one.id), "status": one.status, "duration_ms": one.duration_ms} for one in result.migrations
            ],
            "error": _failure(result.error) if result.error else None,
        }
    )


def _failure(error: Failure) -> dict[str, Any]:
    return {
        "id": str(error.id) if error.id else None,
        "message": error.message,
        "file": error.file,
        "line": error.line,
        "column": error.column,
        "sqlstate": error.sqlstate,
    }


def show_json(result: ShowResult) -> str:
    return _dump(
        {
            "database": result.database,
            "migrations": [
                {
                    "id": str(one.id),
                    "app": one.id.app,
                    "name": one.id.name,
                    "state": one.state,
                    "applied_at": one.applied_at.isoformat() if one.applied_at else None,
                    "duration_ms": one.duration_ms,
                    "applied_by": one.applied_by,
                    "checksum": one.checksum,
                    "out_of_order": one.out_of_order,
                }
                for one in result.migrations
            ],
        }
    )


def _dump(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
