"""What the functions of the API return."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from .migration import Direction, MigrationId, State

Status = Literal["applied", "reverted", "faked", "planned", "failed", "rolled_back"]


class MigrationResult(NamedTuple):
    """What became of one migration; `sql` is filled in by `sql=True` only.

    What follows it is said of planned ones: what one in Python will do, in words; whether the part runs in a
    transaction, whether the migration has a down part, and how many statements of the part are done already and will
    not be sent again.
    """

    id: MigrationId
    status: Status
    duration_ms: int | None = None
    out_of_order: bool = False
    sql: str | None = None
    calls: tuple[str, ...] = ()
    transactional: bool = True
    reversible: bool = True
    statements_done: int = 0


class Failure(NamedTuple):
    """Why and where a migration failed; `message` is PostgreSQL's. Lines and columns count from 1."""

    id: MigrationId | None
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    sqlstate: str | None = None


class RunResult(NamedTuple):
    """What a run or a revert did; `notes` are for people.

    `fingerprint` is that of the plan, where there is nothing but a plan: the value of `expected` to carry it out.
    """

    database: str
    direction: Direction
    migrations: tuple[MigrationResult, ...] = ()
    error: Failure | None = None
    notes: tuple[str, ...] = ()
    fingerprint: str = ""


class BuildResult(NamedTuple):
    """What a build holds, and what of it is new or changed since the last one.

    `is_current` is False if `check=True` found that dist differs from the sources.
    """

    dist_dir: Path
    built: tuple[MigrationId, ...]
    new: tuple[MigrationId, ...]
    changed: tuple[MigrationId, ...] = ()
    warnings: tuple[str, ...] = ()
    is_current: bool = True


class ShownMigration(NamedTuple):
    """A migration and its state; `run` is the same for all that one run applied together.

    `in_part` tells that the statement behind those that are done may be committed in part.
    """

    id: MigrationId
    state: State
    applied_at: datetime | None
    duration_ms: int | None
    applied_by: str | None
    checksum: str
    out_of_order: bool
    statements_done: int = 0
    error: str = ""
    run: str | None = None
    is_python: bool = False
    in_part: bool = False


class ShowResult(NamedTuple):
    database: str
    migrations: tuple[ShownMigration, ...]


class ShownPart(NamedTuple):
    """One part of a migration: `name` is "up" or "down", or "stored down" for what a revert takes where the file is
    missing or changed, or "file" for all of one in Python.
    """

    name: str
    sql: str
    transaction: bool | None = None


class Description(NamedTuple):
    """All there is to know of one migration in one database.

    `source`, what its header says and its parts are those of its file, or empty if that is gone. `recorded_checksum`
    is that of what was applied, None if nothing was. `unreadable` says why its parts cannot be shown.
    """

    database: str
    shown: ShownMigration
    source: str = ""
    description: str = ""
    depends: tuple[str, ...] = ()
    feature: str | None = None
    parts: tuple[ShownPart, ...] = ()
    reversible: bool = True
    recorded_checksum: str | None = None
    unreadable: str = ""


class Finding(NamedTuple):
    """What is not as it should be, and the command that settles it."""

    id: MigrationId
    state: State
    problem: str
    cure: str


class RepairResult(NamedTuple):
    """What a repair did, in words; without anything to do, what needs repair."""

    database: str
    done: tuple[str, ...]
    findings: tuple[Finding, ...]


class GenerateResult(NamedTuple):
    """What a comparison of models and database came to; `made` is None if there is no difference, or only a check.

    `changes` are the differences in words, `loses` the data that is lost, `offered` the values of --rename that would
    keep some of it.
    """

    database: str
    changes: tuple[str, ...] = ()
    made: MadeFile | None = None
    loses: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class MadeFile(NamedTuple):
    """A new migration file, written to `path` unless it was only asked for."""

    id: MigrationId
    path: Path
    text: str
    warnings: tuple[str, ...] = ()


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
