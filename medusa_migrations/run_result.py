"""What a run or a revert came to: of the results what is needed at every start, and so in a file of its own."""

from __future__ import annotations

from typing import Literal, NamedTuple

from .migration import Direction, MigrationId, Phase, Severity

Status = Literal["applied", "reverted", "faked", "planned", "failed", "rolled_back", "held_back"]


class LintFinding(NamedTuple):
    """What a statement of a migration does to tables that are in use.

    `code` is that of the kind, `lock` the mode in which `tables` are locked, in PostgreSQL's words, None where none is.
    `rows` and `bytes` are those of the largest of them in a live database, None where that was not asked. `instead` is
    the safe way, as SQL to paste.
    """

    id: MigrationId
    part: Direction
    code: str
    severity: Severity
    file: str
    line: int
    column: int
    statement: str
    message: str
    lock: str | None = None
    tables: tuple[str, ...] = ()
    rows: int | None = None
    bytes: int | None = None
    instead: str = ""


class MigrationResult(NamedTuple):
    """What became of one migration; `sql` is filled in by `sql=True` only. `phase` is None where the file is gone.

    What follows it is said of planned ones: what one in Python will do, in words; whether the part runs in a
    transaction, whether the migration has a down part, and how many statements of the part are done already and will
    not be sent again; the hash of its file; what lint has found in the part, where that is known; of a revert, the
    tables, columns and rows that go with their values; of a run, the repeatable migrations that are undone before; and
    whether it is a baseline whose tables are there, which is compared with them and recorded instead of run. With `sql`
    one in Python has the text of its file in `code`, as what its SQL will be may depend on the database.
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
    file_hash: str = ""
    findings: tuple[LintFinding, ...] = ()
    loses: tuple[str, ...] = ()
    phase: Phase | None = None
    undoes: tuple[MigrationId, ...] = ()
    was_there: bool = False
    code: str = ""


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
    `held_back` is what a run of phase before has left. `target` is the name of the target of a fleet that it was about,
    in this and the other results; then `database` is the alias whose settings that has.
    """

    database: str
    direction: Direction
    migrations: tuple[MigrationResult, ...] = ()
    error: Failure | None = None
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    held_back: tuple[MigrationResult, ...] = ()
    target: str | None = None


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
