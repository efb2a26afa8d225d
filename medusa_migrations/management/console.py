"""How runs and their results look in a terminal, and as JSON."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from django.core.management.base import CommandError, OutputWrapper
from django.core.management.color import Style
from django.utils.timezone import localtime

from medusa_migrations.conf import shown_path
from medusa_migrations.events import (
    Blocked,
    Built,
    Event,
    Failed,
    Finished,
    Indexing,
    Noticed,
    Progressed,
    Remarked,
    Retrying,
    Started,
    Waiting,
    Working,
)
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction
from medusa_migrations.run_result import Failure, RunResult, duration

if TYPE_CHECKING:
    from medusa_migrations.results import (
        BuildResult,
        LogEntry,
        LogResult,
        RepairResult,
        ShownMigration,
        ShowResult,
        WaitResult,
    )

    from .redrawn import Redrawn

_VERB = {Direction.UP: N_("Applying"), Direction.DOWN: N_("Reverting")}
MARKS = {
    "applied": "[X]",
    "pending": "[ ]",
    "changed": "[!]",
    "missing": "[?]",
    "failed": "[F]",
    "running": "[>]",
    "disabled": "[-]",
}
# Of what is repeatable, applied and pending because it is another today.
RERUN_MARK = "[~]"
RERUN_REMARK = N_("changed, so it will be run again")
REMARKS = {
    "changed": N_("changed since it was applied"),
    "missing": N_("applied, but there is no file"),
    "failed": N_("failed part-way"),
    "running": N_("running now"),
    "disabled": N_("its feature, or that of one it depends on, is off"),
}

# Compiled where something is printed that may have some: that takes every start its time.
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"


# How often a log, which is no terminal, gets a line of a backfill that is under way.
_LINE_SECONDS = 10


class Console:
    """Listens to the events of a run and writes them in Django's manner; what it waits for goes to `stderr`.

    Verbosity 0 is silent, 1 has the server's warnings, on `stderr`, and 2 all of its notices. `quiet` writes nothing to
    `stdout`, which is another's; `headed` tells that the heading is written already. If `stderr` is a terminal, its
    last line says how far that is which takes long. Use it as a context manager, at whose end that line is gone.
    """

    def __init__(
        self,
        stdout: OutputWrapper,
        stderr: OutputWrapper,
        style: Style,
        verbosity: int,
        *,
        quiet: bool = False,
        headed: bool = False,
    ) -> None:
        self.stdout, self.stderr, self.style, self.verbosity, self.quiet = stdout, stderr, style, verbosity, quiet
        self.headed = headed
        self.line = ""  # of the migration under way
        self.is_line_open = False
        self.redrawn: Redrawn | None = None  # what says how far something is, once that takes long
        self.next_line = time.monotonic() + _LINE_SECONDS
        self._guard = threading.RLock()  # who is blocked by whom is told by a thread

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.clear()

    def __call__(self, event: Event) -> None:
        with self._guard:
            match event:
                case Progressed() | Indexing() | Working():
                    if self.verbosity:
                        self._show(event)
                case _:
                    self._tell(event)

    def _tell(self, event: Event) -> None:
        match event:
            case Built(result):
                self.clear()
                if self.verbosity:
                    warn(self.stderr, self.style, result)
                if result.new or result.changed or result.removed:
                    self.write(built_line(result))
            case Started():
                self.start(event)
            case Finished(_, milliseconds, fake):
                self.finish(
                    self.style.SUCCESS("FAKED" if fake else "OK") + ("" if fake else f" ({duration(milliseconds)})")
                )
            case Failed():
                self.finish(self.style.ERROR("FAILED"))
            case Noticed(text, is_warning):
                if self.verbosity > 1:
                    self.write("\n".join(f"    {line}" for line in printable(text).splitlines()))
                elif is_warning:
                    self.alert(text)
            case _:
                if text := alert_text(event):
                    self.alert(text)

    def _show(self, event: Progressed | Indexing | Working) -> None:
        """Say how far something is: on a terminal in its last line, elsewhere of a backfill alone, now and then."""
        from . import progress  # few runs take so long
        from .redrawn import Redrawn

        self.redrawn = self.redrawn or Redrawn(self.stderr)
        if not self.redrawn.is_shown and not isinstance(event, Progressed):
            return
        text = printable(progress.line(event))
        if isinstance(event, Progressed) and (event.is_done or not self.redrawn.is_shown):
            if event.is_done or time.monotonic() >= self.next_line:
                self.next_line = time.monotonic() + _LINE_SECONDS
                self.alert(text)
            return
        if not (self.is_line_open and self.stdout.isatty()) or self.quiet:
            self.redrawn.show(text)
        elif isinstance(event, Working):
            self.redrawn.show(f" {progress.count(event)}", behind=self.line)
        else:
            self.end_line()
            self.redrawn.show(text)

    def clear(self) -> None:
        """Take the line away that says how far something is, because something else is about to be written."""
        if self.redrawn:
            with self._guard:
                self.redrawn.clear()

    def start(self, event: Started) -> None:
        """Begin the line of a migration, under a heading if there is none yet."""
        if not self.headed:
            running = N_("Running migrations:") if event.direction is Direction.UP else N_("Reverting migrations:")
            self.write(self.style.MIGRATE_HEADING(running))
            self.headed = True
        late = N_(" (out of order)") if event.out_of_order else ""
        self.line = f"  {_VERB[event.direction]} {printable(str(event.id))}{late}..."
        if not event.is_done:  # else it is written as a whole
            self.write(self.line, ending="")
            self.is_line_open = True

    def finish(self, word: str) -> None:
        """End the line of the migration; it is written again if something else was written since."""
        self.write(f" {word}" if self.is_line_open else f"{self.line} {word}")
        self.is_line_open = False

    def alert(self, text: str) -> None:
        """Say something on stderr, on a line of its own."""
        self.clear()
        self.end_line()
        if self.verbosity:
            written(self.stderr, self.style.WARNING(printable(text)))

    def end_line(self) -> None:
        """End the line of the migration under way, because something else is about to be written."""
        if self.is_line_open:
            self.write("")
            self.is_line_open = False

    def write(self, text: str, ending: str = "\n") -> None:
        """Write `text` to stdout, until that is not possible any more."""
        if self.redrawn and self.stdout.isatty():
            self.clear()
        if self.verbosity and not self.quiet:
            self.quiet = not written(self.stdout, text, ending)


def alert_text(event: Event) -> str:
    """What is to be said of an event on stderr, an empty string for the others."""
    match event:
        case Waiting(holder, seconds):
            return N_(
                "Waiting up to {seconds} s for the lock: migrations are being run by {holder}.",
                seconds=math.ceil(seconds),
                holder=holder,
            )
        case Blocked(holder):
            return N_("Waiting for a lock that is held by {holder}", holder=holder)
        case Remarked(text):
            return text
        case Retrying(id_, reason, holder, seconds, attempt):
            return N_(
                "{run} was rolled back: {reason}.{held} Try {number} follows in {seconds:.1f} s.",
                run=id_ or N_("The run"),
                reason=reason,
                held=N_(" The lock is held by {holder}.", holder=holder) if holder else "",
                number=attempt + 1,
                seconds=seconds,
            )
    return ""


def written(stream: OutputWrapper, text: str, ending: str = "\n", style: Callable[[str], str] | None = None) -> bool:
    """Write `text`, in the stream's own style if none is given, and tell whether that was possible.

    A reader that has gone, or a full disk, is no reason to stop a run half-way. Of the disk stderr tells.
    """
    failure = _failure(stream, text, ending, style)
    if failure:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(
                N_("The output cannot be written ({problem}). What is under way goes on.\n", problem=failure)
            )
    return failure is None


def deliver(stream: OutputWrapper, text: str, ending: str = "\n") -> None:
    """Write what a command was called for, at its end. Raises CommandError where a reader waits and gets it not."""
    if failure := _failure(stream, text, ending, None):
        raise CommandError(
            N_(
                "The output is not whole: it cannot be written ({problem}). What was done stays done. Make that "
                "possible, or have the output go elsewhere.",
                problem=failure,
            )
        )


def _failure(stream: OutputWrapper, text: str, ending: str, style: Callable[[str], str] | None) -> str | None:
    """Why `text` cannot be written, an empty string where nobody reads it; None where it was."""
    try:
        stream.write(text, style, ending)
        stream.flush()
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError, ValueError):  # or Python fails again when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if isinstance(error, BrokenPipeError):
            return ""
        return (error.strerror if isinstance(error, OSError) else None) or str(error)
    return None


def printable(text: str) -> str:
    """`text` with control characters as escapes such as \\x1b: what others wrote must not steer the terminal.

    Line ends and tabs stay; marks that change the direction of writing do not.
    """
    if text.isprintable():  # as nearly all: it has none of them
        return text
    return re.sub(_CONTROL, lambda found: found[0].encode("unicode_escape").decode(), text)


# What is counted: one, and several.
_COUNTED = {
    "difference": (N_("{count} difference"), N_("{count} differences")),
    "fault": (N_("{count} fault"), N_("{count} faults")),
    "finding": (N_("{count} finding"), N_("{count} findings")),
    "migration": (N_("{count} migration"), N_("{count} migrations")),
    "more migration": (N_("{count} more migration"), N_("{count} more migrations")),
    "other error": (N_("{count} other error"), N_("{count} other errors")),
    "other group": (N_("{count} other group"), N_("{count} other groups")),
    "part": (N_("{count} part"), N_("{count} parts")),
    "statement": (N_("{count} statement"), N_("{count} statements")),
    "target": (N_("{count} target"), N_("{count} targets")),
    "unsafe statement": (N_("{count} unsafe statement"), N_("{count} unsafe statements")),
}


def plural(count: int, what: str = "migration") -> str:
    """The number with its word."""
    one, several = _COUNTED[what]
    return (one if count == 1 else several).filled(count=count)


def built_line(result: BuildResult) -> str:
    """What a build did, in one line."""
    others = [N_(", {count} changed", count=len(result.changed))] if result.changed else []
    others += [N_(", {count} removed", count=len(result.removed))] if result.removed else []
    return N_(
        "Built {migrations} ({count} new{others}) into {path}",
        migrations=plural(len(result.built)),
        count=len(result.new),
        others=joined("", others),
        path=shown_path(result.dist_dir),
    )


def warn(stderr: OutputWrapper, style: Style, result: BuildResult) -> None:
    """Write the warnings of a build, a line each."""
    for warning in result.warnings:
        stderr.write(N_("Warning: {warning}", warning=warning), style.WARNING)


def show_line(shown: ShownMigration, style: Style) -> str:
    """The line of `migrations_show` for a migration: its mark, its id, and remarks in parentheses."""
    remarks: list[str] = [REMARKS[shown.state]] if shown.state in REMARKS else []
    remarks += [RERUN_REMARK] if shown.is_to_be_rerun else []
    if shown.applied_at:
        remarks.append(f"{localtime(shown.applied_at):%Y-%m-%d %H:%M:%S %Z}")
    if shown.duration_ms is not None:
        remarks.append(duration(shown.duration_ms))
    elif shown.state == "applied":
        remarks.append(N_("faked"))
    if shown.state == "failed":
        if not shown.is_python:
            remarks.append(N_("{statements} done", statements=plural(shown.statements_done, "statement")))
        if shown.in_part:
            remarks.append(N_("statement {number} may be committed in part", number=shown.statements_done + 1))
        remarks += [printable(shown.error.partition("\n")[0])] if shown.error else []
    if shown.phase == "after":
        remarks.append(N_("phase after"))
    if shown.out_of_order:
        remarks.append(N_("out of order"))
    mark = RERUN_MARK if shown.is_to_be_rerun else MARKS[shown.state]
    coloured = {"applied": style.SUCCESS, "changed": style.ERROR, "failed": style.ERROR, "missing": style.WARNING}
    mark = coloured.get(shown.state, str)(mark)
    return f"{mark} {printable(str(shown.id))}" + (f" ({', '.join(remarks)})" if remarks else "")


def log_line(entry: LogEntry, style: Style) -> str:
    """The line of `migrations_show --log` for an entry: when, what, which, and the rest in parentheses."""
    facts: list[str] = [duration(entry.duration_ms)] if entry.duration_ms is not None else []
    facts += [N_("by {user}", user=entry.applied_by), N_("from {process}", process=entry.process)]
    facts += [N_("release {release}", release=entry.release)] if entry.release else []
    colours = {"applied": style.SUCCESS, "rerun": style.SUCCESS, "failed": style.ERROR, "reverted": style.WARNING}
    coloured = colours.get(entry.action, str)
    when = f"{localtime(entry.at):%Y-%m-%d %H:%M:%S %Z}"
    action = coloured(f"{printable(entry.action):<8}")
    state = f" (SQLSTATE {printable(entry.sqlstate)})" if entry.sqlstate else ""
    more = f"\n    {printable(' '.join(entry.message.split()))}{state}" if entry.message else ""
    return f"{when} {action} {printable(str(entry.id))} ({printable(', '.join(facts))}){more}"


def log_json(result: LogResult) -> str:
    """The document of `migrations_show --log --json`."""
    return _dump({**where_json(result), "entries": [_entry_json(one) for one in result.entries]})


def _entry_json(entry: LogEntry) -> dict[str, Any]:
    return {
        "at": entry.at.isoformat(),
        "run": entry.run,
        "action": entry.action,
        "id": str(entry.id),
        "checksum": entry.checksum,
        "duration_ms": entry.duration_ms,
        "applied_by": entry.applied_by,
        "database_user": entry.database_user,
        "process": entry.process,
        "release": entry.release or None,
        "sqlstate": entry.sqlstate or None,
        "message": entry.message,
    }


def where_json(result: RunResult | ShowResult | LogResult | WaitResult | RepairResult) -> dict[str, str]:
    """The database that a document is of, and the target of a fleet where it is of one."""
    return {"database": result.database} | ({"target": result.target} if result.target is not None else {})


def run_json(result: RunResult) -> str:
    """The document of `migrations_run --json` and `migrations_revert --json`."""
    return _dump(
        {
            **where_json(result),
            "direction": str(result.direction),
            "migrations": [
                {"id": str(one.id), "status": one.status, "duration_ms": one.duration_ms, "phase": one.phase}
                for one in (*result.migrations, *result.held_back)
            ],
            "error": failure_json(result.error) if result.error else None,
        }
    )


def failure_json(error: Failure) -> dict[str, Any]:
    """A failure as every document has it."""
    return {
        "id": str(error.id) if error.id else None,
        "message": error.message,
        "file": error.file,
        "line": error.line,
        "column": error.column,
        "sqlstate": error.sqlstate,
    }


def wait_json(result: WaitResult) -> str:
    """The document of `migrations_wait --json`."""
    return _dump(
        {
            **where_json(result),
            "ready": result.ready,
            "waited_ms": result.waited_ms,
            "pending": list(result.pending),
            "error": failure_json(result.error) if result.error else None,
        }
    )


def show_json(result: ShowResult) -> str:
    """The document of `migrations_show --json`."""
    return _dump(
        {
            **where_json(result),
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
                    "phase": one.phase,
                    "repeatable": one.repeatable,
                }
                for one in result.migrations
            ],
        }
    )


def _dump(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
