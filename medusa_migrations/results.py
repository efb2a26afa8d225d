"""What the functions of the API return."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from .messages import N_
from .migration import Direction, MigrationId, Phase, State
from .run_result import Failure as Failure
from .run_result import LintFinding as LintFinding
from .run_result import MigrationResult as MigrationResult
from .run_result import RunResult as RunResult
from .run_result import Status as Status
from .run_result import duration as duration


class BuildResult(NamedTuple):
    """What a build holds, what of it is new or changed since the last one, and what is in it no more.

    `is_current` is False if `check=True` found that dist differs from the sources.
    """

    dist_dir: Path
    built: tuple[MigrationId, ...]
    new: tuple[MigrationId, ...]
    changed: tuple[MigrationId, ...] = ()
    warnings: tuple[str, ...] = ()
    is_current: bool = True
    removed: tuple[MigrationId, ...] = ()


class ShownMigration(NamedTuple):
    """A migration and its state; `run` is the same for all that one run applied together.

    `in_part` tells that the statement behind those that are done may be committed in part. `phase` is None where the
    file is gone. `undoing` tells that its down part is what is under way, or has failed.
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
    phase: Phase | None = None
    undoing: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether it is run again whenever its up part is another."""
        return self.id.is_repeatable

    @property
    def is_to_be_rerun(self) -> bool:
        """Whether it is repeatable, applied, and pending because it is another today."""
        return self.repeatable and self.state == "pending" and self.applied_at is not None


class IndexProgress(NamedTuple):
    """How far the server is with the index `name` of `table`: what it does, in its own words, and how much of that.

    `name` is "" where nobody else can see it yet, and `percent` None where the server does not tell.
    """

    table: str
    name: str
    phase: str
    percent: int | None


class BackfillProgress(NamedTuple):
    """How far a backfill is: `rows` were looked at, of about `total`."""

    table: str
    rows: int
    total: int

    @property
    def percent(self) -> int:
        return 100 * self.rows // max(self.total, 1)


class AtWork(NamedTuple):
    """Somebody is running migrations of a database: `holder` in words, over the server's process `pid`.

    `id` is the migration under way, None where that cannot be seen. `indexing` and `backfills` tell how far it is.
    """

    holder: str
    pid: int
    id: MigrationId | None = None
    indexing: IndexProgress | None = None
    backfills: tuple[BackfillProgress, ...] = ()


class ShowResult(NamedTuple):
    """The migrations of one database, in their order; `at_work` is who is running some at the moment."""

    database: str
    migrations: tuple[ShownMigration, ...]
    target: str | None = None
    at_work: AtWork | None = None


class LogEntry(NamedTuple):
    """One thing that happened to a migration; `serial` is its number.

    `action` is one of applied, reverted, failed, faked, repaired, renamed, rerun; or of a run that was handed over to
    a worker: handed_over for each of its migrations, begun, ended where that was early, given_up. `database_user` is
    who was logged in to the `database`, by the server's name of it, and `process` the host and the number of the
    process. `release`, `sqlstate` and `message` are "" where there is none.
    """

    serial: int
    at: datetime
    run: str
    action: str
    id: MigrationId
    checksum: str
    duration_ms: int | None
    applied_by: str
    database_user: str
    process: str
    release: str
    database: str
    sqlstate: str
    message: str


class LogResult(NamedTuple):
    """Entries of the journal of one database, the earliest first."""

    database: str
    entries: tuple[LogEntry, ...]
    target: str | None = None


RunState = Literal["waiting", "running", "done", "failed", "refused", "cut_off", "given_up"]


class RunProgress(NamedTuple):
    """One run or revert, as the journal and the history tell of it.

    `state` says how a run stands that was handed over to a worker: it waits for one; or is at work; or has done all; or
    has failed; or was refused before it did anything; or its worker is gone; or somebody has given it up. It is None of
    other runs, and `direction` too. `planned` is what was handed over, by `engine`; `reason` is why it has ended early.
    `at_work` is who runs migrations of the `database` at the moment, maybe in another run.
    """

    database: str
    run: str
    state: RunState | None
    direction: Direction | None
    planned: tuple[MigrationId, ...]
    entries: tuple[LogEntry, ...]
    engine: str = ""
    reason: str = ""
    at_work: AtWork | None = None


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
    is that of what was applied, None if nothing was. `unreadable` says why its parts cannot be shown. `fingerprint` is
    that of what a repair would settle: its `expected`. `at_work` is who is running migrations there at the moment.
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
    target: str | None = None
    fingerprint: str = ""
    at_work: AtWork | None = None


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
    target: str | None = None


class WaitResult(NamedTuple):
    """What came of waiting for a database: whether it is ready, and the ids of what is pending, of either kind."""

    database: str
    ready: bool
    waited_ms: int
    pending: tuple[str, ...] = ()
    error: Failure | None = None
    target: str | None = None

    @property
    def named(self) -> str:
        """How a sentence calls it."""
        if self.target is None:
            return N_("database {name!r}", name=self.database)
        return N_("target {name!r}", name=self.target)


class Renamed(NamedTuple):
    """A migration that got another name."""

    old: MigrationId
    new: MigrationId


class RebaseResult(NamedTuple):
    """What became of the migrations of one side of a merge: their new names, and the files that got another text.

    `followed` are those whose rows in the history of `database` have followed, by their names of now, and `changed`
    those whose checksum is another for what they depend on. `notes` are for people, `then` is the command that goes on
    in git.
    """

    app: str
    renamed: tuple[Renamed, ...]
    edited: tuple[Path, ...]
    database: str
    followed: tuple[MigrationId, ...] = ()
    changed: tuple[MigrationId, ...] = ()
    notes: tuple[str, ...] = ()
    then: str = ""


class Difference(NamedTuple):
    """What differs between two states of a database: an object that is new or gone, or one attribute of it.

    `kind` is one word, `object` the name with its schema. `before` and `after` are the attribute's values, None where
    it has none; both are None of what is new or gone.
    """

    change: Literal["new", "gone", "differs"]
    kind: str
    object: str
    attribute: str | None = None
    before: Any = None
    after: Any = None


ProofStatus = Literal[
    "proven", "cached", "irreversible", "drift", "up_failed", "down_failed", "second_up_failed", "skipped"
]


class Proof(NamedTuple):
    """What came of proving one migration.

    `drift` is what its down part did not bring back, `loses` names the columns and tables whose values it does not.
    `findings` are those of its up part, None if nobody looked. `error` is why a part failed, or what else is wrong, and
    `told` the same for people. `duration_ms` is of all of it.
    """

    id: MigrationId
    status: ProofStatus
    drift: tuple[Difference, ...] = ()
    loses: tuple[str, ...] = ()
    findings: tuple[LintFinding, ...] | None = None
    error: Failure | None = None
    told: str = ""
    duration_ms: int | None = None

    @property
    def is_fault(self) -> bool:
        """Whether it keeps the migration from being shipped."""
        return self.error is not None or self.status not in ("proven", "cached", "irreversible", "skipped")

    @property
    def unsafe(self) -> int:
        """How many of its statements are unsafe."""
        return sum(finding.severity == "error" for finding in self.findings or ())


class VerifyResult(NamedTuple):
    """What came of proving the migrations of one database.

    `django` are the failures of Django's migrations, in words. `models` are the differences of the models from what the
    migrations made; those of the apps `uncompared` could not be looked for. `live` are those of the database
    `live_alias` from what its applied migrations make. `scratch` is the name of a scratch database that was kept.
    `notes` are for people.
    """

    database: str
    server_version: str
    migrations: tuple[Proof, ...] = ()
    django: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    uncompared: tuple[str, ...] = ()
    live: tuple[Difference, ...] = ()
    live_alias: str | None = None
    scratch: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def faults(self) -> int:
        """How many faults there are, of all kinds, without the unsafe statements."""
        return sum(one.is_fault for one in self.migrations) + len(self.django) + len(self.models) + len(self.live)

    @property
    def unsafe(self) -> int:
        """How many statements are unsafe."""
        return sum(one.unsafe for one in self.migrations)


class LintResult(NamedTuple):
    """What was found in the migrations of one database; `failed` are the parts that do not run, and so tell nothing."""

    database: str
    findings: tuple[LintFinding, ...] = ()
    failed: tuple[Failure, ...] = ()

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity == "error" for finding in self.findings)


class ReviewedMigration(NamedTuple):
    """One part of a migration, with what is to be known of it before it is run.

    `sql` is its text, of one in Python all of the file, whose calls `calls` tells in words. `drops` names what it
    drops or empties, and `loses` those of them whose values go too. `change` is what became of the file since the git
    ref; a new one is `late` if it runs before one that the ref has.
    """

    id: MigrationId
    source: str
    sql: str
    is_python: bool = False
    calls: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    transactional: bool = True
    reversible: bool = True
    change: Literal["new", "changed"] | None = None
    late: bool = False
    phase: Phase = "before"


class ReviewResult(NamedTuple):
    """What migrations would run, in the order in which they do; of down parts the last migration is the first.

    `since` is the git ref that they were compared with, and `removed` are the files that are gone since. `script` is
    what psql is to run, where that was asked for.
    """

    direction: Direction
    migrations: tuple[ReviewedMigration, ...] = ()
    since: str | None = None
    removed: tuple[str, ...] = ()
    findings: tuple[LintFinding, ...] = ()
    script: str = ""


class GenerateResult(NamedTuple):
    """What a comparison of models and database came to; `made` is None if there is no difference, or only a check.

    `changes` are the differences in words, `loses` the data that is lost, `offered` the values of --rename that would
    keep some of it. `more` are the files behind `made`, of an online change or of several apps. `notes` are sentences
    about what may stay as it is, such as names that are others than the models would give.
    """

    database: str
    changes: tuple[str, ...] = ()
    made: MadeFile | None = None
    loses: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    more: tuple[MadeFile, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[MadeFile, ...]:
        """All files, in their order."""
        return (self.made, *self.more) if self.made else ()


class MadeFile(NamedTuple):
    """A new migration file, written to `path` unless it was only asked for."""

    id: MigrationId
    path: Path
    text: str
    warnings: tuple[str, ...] = ()


class ImportPlace(NamedTuple):
    """What an import leaves to a person: where in the other tool's files, and what is to be done."""

    file: str
    line: int
    message: str


class ImportedFile(NamedTuple):
    """A migration that is made of another tool's, of its file `source`.

    `is_new` is False where `path` is there already: it stays as it is. Then one of Django's has no text here.
    """

    id: MigrationId
    path: Path
    source: str
    text: str
    is_new: bool


class ImportResult(NamedTuple):
    """What came of importing the migrations of another tool into an app.

    With the history of a database, `recorded` is what that tool has applied and the history did not have, in the order
    in which it was applied, and `unknown` what it has applied that there is no file of, by its own names.
    `differences` is how what the new files make differs from what Django makes; of other tools it is not known.
    """

    tool: str
    source: str
    app: str
    dry_run: bool
    files: tuple[ImportedFile, ...] = ()
    places: tuple[ImportPlace, ...] = ()
    database: str | None = None
    recorded: tuple[MigrationId, ...] = ()
    unknown: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


class BaselineResult(NamedTuple):
    """The live tables of `apps` as migrations, written unless it was a `dry_run`, and `recorded` as applied.

    `to_delete` are the folders of Django migrations that these apps have still, and `references` are the places where
    Django migrations of other apps name one of those, each with what to write there.
    """

    database: str
    apps: tuple[str, ...] = ()
    dry_run: bool = False
    files: tuple[MadeFile, ...] = ()
    recorded: tuple[MigrationId, ...] = ()
    warnings: tuple[str, ...] = ()
    to_delete: tuple[Path, ...] = ()
    references: tuple[ImportPlace, ...] = ()
