"""What is told of a run: events while it goes on, a result at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from .migration import Direction, MigrationId, State

Status = Literal["applied", "reverted", "faked", "planned", "failed", "rolled_back"]


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """What became of one migration; `sql` is filled in by `sql=True` only."""

    id: MigrationId
    status: Status
    duration_ms: int | None = None
    out_of_order: bool = False
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why and where a migration failed; `message` is PostgreSQL's. Lines and columns count from 1."""

    id: MigrationId | None
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    sqlstate: str | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run or a revert did; `notes` are for people."""

    database: str
    direction: Direction
    migrations: tuple[MigrationResult, ...] = ()
    error: Failure | None = None
    notes: tuple[str, ...] = ()

    def with_notes(self, *notes: str) -> RunResult:
        return replace(self, notes=(*self.notes, *notes))


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build holds, and what of it is new or changed since the last one.

    `is_current` is False if `check=True` found that dist differs from the sources.
    """

    dist_dir: Path
    built: tuple[MigrationId, ...]
    new: tuple[MigrationId, ...]
    changed: tuple[MigrationId, ...] = ()
    warnings: tuple[str, ...] = ()
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class ShownMigration:
    id: MigrationId
    state: State
    applied_at: datetime | None
    duration_ms: int | None
    applied_by: str | None
    checksum: str
    out_of_order: bool
    statements_done: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class ShowResult:
    database: str
    migrations: tuple[ShownMigration, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it should be, and the command that settles it."""

    id: MigrationId
    problem: str
    cure: str


@dataclass(frozen=True, slots=True)
class RepairResult:
    """What a repair did, in words; without anything to do, what needs repair."""

    database: str
    done: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A new migration file; `path` is None if it was only asked for its text."""

    id: MigrationId
    path: Path
    text: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """Event: dist was built before a run."""

    result: BuildResult


@dataclass(frozen=True, slots=True)
class Started:
    """Event: a migration is about to run."""

    id: MigrationId
    direction: Direction
    fake: bool = False
    out_of_order: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """Event: it is done; in one transaction for all, `duration_ms` is known but nothing is final yet."""

    id: MigrationId
    duration_ms: int | None
    fake: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Event: it failed, and nothing more will run."""

    id: MigrationId


@dataclass(frozen=True, slots=True)
class Waiting:
    """Event: somebody else holds the lock; this goes on for at most `seconds`."""

    holder: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Blocked:
    """Event: a statement waits for a lock that `holder` has."""

    holder: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """Event: the server says `text` besides, such as what RAISE NOTICE gives."""

    text: str


@dataclass(frozen=True, slots=True)
class Remarked:
    """Event: something that is done on its own account and that somebody should know of."""

    text: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """Event: `reason` made it roll back; it is tried again after `seconds`, for the `attempt`th time.

    `id` is None where all migrations share the transaction. `holder` is who had the lock that it waited for, if known.
    """

    id: MigrationId | None
    reason: str
    holder: str
    seconds: float
    attempt: int


Event = Built | Started | Noticed | Remarked | Finished | Failed | Waiting | Blocked | Retrying
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener that tells nobody."""
