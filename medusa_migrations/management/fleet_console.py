"""How a run of a fleet looks in a terminal, and as JSON."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from django.core.management.base import OutputWrapper
from django.core.management.color import Style

from medusa_migrations.events import Event, Noticed
from medusa_migrations.fleet.ledger import Run, Target
from medusa_migrations.fleet.results import (
    FleetError,
    FleetPlan,
    FleetResult,
    FleetStatus,
    Group,
    Outcome,
    TargetResult,
)
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction
from medusa_migrations.results import duration

from .console import alert_text, failure_json, plural, printable, written
from .progress import rounded
from .redrawn import Redrawn

# How many errors of a run are shown, and how many names with each.
MOST_ERRORS = 10
MOST_GROUPS = 20
MOST_NAMES = 7

_DID = {Direction.UP: N_("applied"), Direction.DOWN: N_("reverted")}


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
        total: int = 0,
        direction: Direction = Direction.UP,
        quiet: bool = False,
    ) -> None:
        self.stdout, self.stderr, self.style, self.total = stdout, stderr, style, total
        self.did = _DID[direction]
        self.is_silent = verbosity == 0
        self.redrawn = Redrawn(stderr)
        self.lists = not self.is_silent and not quiet and not (self.redrawn.is_shown and stdout.isatty())
        self.running: dict[str, None] = {}
        self.warnings: set[str] = set()
        self.done = self.failed = 0
        self.begun_at = time.monotonic()
        self._guard = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._guard:
            self.redrawn.clear()

    def expects(self, total: int) -> None:
        """So many targets have something to do."""
        with self._guard:
            self.total = total

    def told(self, name: str, event: Event) -> None:
        """Say what happens on a target, where somebody should know of it; a warning of the server once for all."""
        if text := alert_text(event):
            self.alert(f"{name}: {text}")
        elif isinstance(event, Noticed) and event.is_warning and event.text not in self.warnings:
            self.warnings.add(event.text)
            self.alert(f"{name}: {event.text}")

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
                self.redrawn.clear()
                self.lists = written(self.stdout, target_line(target, self.did, self.style))
            self._draw()

    def alert(self, text: str) -> None:
        """Say something on stderr, on a line of its own."""
        with self._guard:
            if not self.is_silent:
                self.redrawn.clear()
                written(self.stderr, self.style.WARNING(printable(text)))
                self._draw()

    def _draw(self) -> None:
        if not self.is_silent:
            seconds = time.monotonic() - self.begun_at
            self.redrawn.show(progress_line(self.done, self.total, self.failed, list(self.running), seconds))


def progress_line(done: int, total: int, failed: int, running: list[str], seconds: float) -> str:
    """How far a run is, in words: targets, targets a second, the time left, failures, and what is under way."""
    words: list[str] = [N_("{done:,} of {total:,} targets", done=done, total=total)]
    if done and seconds > 0:
        words.append(f"{done / seconds:,.1f}/s")
        left = rounded((total - done) * seconds / done)
        words += [N_("{time} left", time=left)] if done < total else []
    words += [N_("{failed:,} failed", failed=failed)] if failed else []
    words += [N_("running {names}", names=printable(", ".join(running)))] if running else []
    return ", ".join(words)


def target_line(target: TargetResult, did: str, style: Style) -> str:
    """The line of a target that did something, or failed."""
    took = "" if target.duration_ms is None else f" ({duration(target.duration_ms)})"
    name = printable(target.name)
    if target.state == "failed":
        applied = plural(len(target.applied))
        before = N_(" {did} {migrations}, then", did=did, migrations=applied) if target.applied else ""
        why = _one_line(target.error.message if target.error else target.told)
        which = f"{target.error.id}: " if target.error and target.error.id else ""
        return f"  {name}:{before} {style.ERROR('FAILED')}{took}: {printable(which + why)}"
    return f"  {name}: {style.SUCCESS(f'{did} {plural(len(target.applied))}')}{took}"


def errors_text(errors: tuple[FleetError, ...]) -> str:
    """The errors of a run, each once, with the names of the targets that share it."""
    return "\n\n".join(_error_texts(errors))


def _error_texts(errors: tuple[FleetError, ...]) -> Iterator[str]:
    for error in errors[:MOST_ERRORS]:
        yield printable(
            N_(
                "{targets} failed: {names}\n{problem}",
                targets=plural(len(error.targets), "target"),
                names=_names(error.targets),
                problem=error.told,
            )
        )
    rest = errors[MOST_ERRORS:]
    if rest:
        targets = sum(len(error.targets) for error in rest)
        yield N_(
            "And {errors} of {targets}: --json has all.",
            errors=plural(len(rest), "other error"),
            targets=plural(targets, "target"),
        )


def _names(names: tuple[str, ...]) -> str:
    """The first of them, and how many more there are."""
    more = len(names) - MOST_NAMES
    first = ", ".join(names[:MOST_NAMES])
    return N_("{names} and {more:,} more", names=first, more=more) if more > 0 else first


def summary(result: FleetResult) -> str:
    """How many targets there are of each kind, in a line."""
    counts = result.counts
    words = [N_("{count:,} done", count=counts.done)] if counts.done else []
    words += [N_("{count:,} failed", count=counts.failed)] if counts.failed else []
    words += [N_("{count:,} not reached", count=counts.not_reached)] if counts.not_reached else []
    words += [N_("{count:,} had nothing to do", count=counts.current)] if counts.current else []
    return N_(
        "{targets} of {fleet}: {counts}.",
        targets=plural(counts.targets, "target"),
        fleet=result.fleet,
        counts=joined(", ", words or [N_("none")]),
    )


def failed_text(result: FleetResult, reason: str, again: str) -> str:
    """What to say of a run that is not complete: its errors, how many targets there are of each kind, and what to do.

    `reason` is the name of the signal that has stopped it, `again` the command that does what is left.
    """
    ends = {
        "canary_failed": N_("The canary failed, so nothing else was begun."),
        "budget_spent": N_("More have failed than --max-failures lets, so nothing else was begun."),
        "interrupted": N_("Stopped by {reason}.", reason=reason),
    }
    parts = [errors_text(result.errors), f"{ends.get(result.outcome, '')} {summary(result)}".strip()]
    if result.outcome == "interrupted":
        next_step = N_("{command} does what is left.", command=again)
    else:
        next_step = N_("When the cause is gone, {command} does what is left.", command=again)
    return joined("\n", [joined("\n\n", filter(None, parts)), next_step])


def status_lines(status: FleetStatus, style: Style, *, every: bool = False) -> Iterator[str]:
    """How the targets of a fleet stand: counts, then what is alike; with `every` all names."""
    counts = dict(status.counts)
    total = counts.pop("targets")
    words = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
    yield style.MIGRATE_HEADING(
        f"{printable(status.fleet)}: {plural(total, 'target')}" + (f", {words}" if words else "")
    )
    groups = status.groups if every else status.groups[:MOST_GROUPS]
    for group in groups:
        yield from _group_lines(group, style, every)
    rest = status.groups[len(groups) :]
    if rest:
        left = sum(len(group.targets) for group in rest)
        yield N_(
            "  And {groups} of {targets}: --all has them.",
            groups=plural(len(rest), "other group"),
            targets=plural(left, "target"),
        )


def _group_lines(group: Group, style: Style, every: bool) -> Iterator[str]:
    standing, names = group.standing, ", ".join(group.targets) if every else _names(group.targets)
    count = f" {plural(len(standing.pending))}" if standing.pending else ""
    yield f"  {len(group.targets):,} {standing.kind}{count}: {printable(names)}"
    yield from (f"    [ ] {printable(str(id_))}" for id_ in standing.pending)
    yield from (N_("    [ ] {id} (held back)", id=printable(str(id_))) for id_ in standing.held_back)
    yield from (style.ERROR(f"    {line}") for line in printable(standing.told).splitlines())


def status_json(status: FleetStatus, *, every: bool = False) -> str:
    """The document of `migrations_fleet status --json`; with `every` the names of current targets are in it too."""
    groups = [
        {
            "state": group.standing.kind,
            "pending": [str(id_) for id_ in group.standing.pending],
            "held_back": [str(id_) for id_ in group.standing.held_back],
            "error": failure_json(group.standing.error) if group.standing.error else None,
            "count": len(group.targets),
            "targets": list(group.targets) if every or group.standing.kind != "current" else [],
        }
        for group in status.groups
    ]
    document = {"fleet": status.fleet, "build": status.build, "counts": status.counts, "groups": groups}
    return json.dumps(document, indent=2, ensure_ascii=False)


def plan_json(plan: FleetPlan) -> str:
    """The document of `migrations_fleet run --plan --json` and `revert --plan --json`."""
    groups = [
        {
            "targets": list(group.targets),
            "migrations": [
                {"id": str(one.id), "sql": one.sql, "loses": list(one.loses)} for one in group.plan.migrations
            ],
        }
        for group in plan.groups
    ]
    status = plan.status
    document = {"fleet": status.fleet, "direction": str(plan.direction), "build": status.build, "groups": groups}
    return json.dumps(document | {"counts": status.counts}, indent=2, ensure_ascii=False)


def run_line(run: Run) -> str:
    """One run of the ledger."""
    ended = f"{run.outcome}" if run.ended_at else N_("not ended")
    reverts = N_(" of run {run}", run=run.options["run"]) if "run" in run.options else ""
    return printable(
        f"{run.id}  {run.fleet}  {run.direction}{reverts}  {ended}  {run.begun_at:%Y-%m-%d %H:%M:%S %Z}  "
        f"{plural(run.targets, 'target')}  by {run.applied_by}"
    )


def ledger_line(target: Target) -> str:
    """One target of a run in the ledger."""
    words: list[str] = []
    if target.applied:
        total = max(target.pending, len(target.applied))
        words.append(N_("{migrations} of {total}", migrations=plural(len(target.applied)), total=total))
    words += [N_("try {number}", number=target.attempt)] if target.attempt > 1 else []
    words += [f"{target.migration} {_one_line(target.error)}".strip()] if target.error else []
    return printable(f"  [{target.state}] {target.name}" + (f": {', '.join(words)}" if words else ""))


def ledger_json(runs: tuple[Run, ...], targets: tuple[Target, ...] | None = None) -> str:
    """The documents of `migrations_fleet runs --json`, and with `targets` of `show --json`."""
    found = [{**run._asdict(), "begun_at": _moment(run.begun_at), "ended_at": _moment(run.ended_at)} for run in runs]
    if targets is None:
        return json.dumps(found, indent=2, ensure_ascii=False)
    of_run = [
        {**one._asdict(), "begun_at": _moment(one.begun_at), "ended_at": _moment(one.ended_at)} for one in targets
    ]
    return json.dumps(found[0] | {"targets": of_run}, indent=2, ensure_ascii=False)


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def refused_json(fleet: str, direction: Direction, outcome: Outcome, message: str) -> str:
    """The document of a run that has not begun, for a reason."""
    document = json.loads(fleet_json(FleetResult(fleet, None, direction, "", outcome)))
    error: dict[str, Any] = {
        "migration": None,
        "sqlstate": None,
        "message": message,
        "file": None,
        "line": None,
        "targets": [],
    }
    return json.dumps(document | {"errors": [error]}, indent=2, ensure_ascii=False)


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
