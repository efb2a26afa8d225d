"""Lint from its door on: the up parts that are not proven yet, watched in a scratch database."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from medusa_migrations.database.interruption import Interruption
from medusa_migrations.database.session import Session
from medusa_migrations.events import Listener, ScratchMade, Working, seconds_left
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Key, Migration, MigrationId
from medusa_migrations.results import Failure, LintFinding, LintResult

from . import chain
from .app import ended_early, subject_of
from .proving import order_of
from .request import Request, Subject
from .scratch.open import open_scratch_of
from .sizes import with_sizes
from .stand import PartFailed, Stand


class LintRequest(NamedTuple):
    """The options of `medusa_migrations.api.lint`, which describes each and has the defaults."""

    app: str | None
    all: bool
    down: bool
    live: str | None
    database: str
    listener: Listener
    interruption: Interruption


def lint(request: LintRequest) -> LintResult:
    """Find what the statements do to tables in use. Raises as `app.verify`."""
    with ended_early(N_("Run it again; it begins anew.")), subject_of(_as_proof(request)) as (subject, session):
        known = LintResult(request.database, _kept(subject, subject.asked))
        result = known if subject.is_proven else _Lint(request, subject).result(session)
    if request.live is None or not result.findings:
        return result
    return result._replace(findings=with_sizes(result.findings, request.live))


def _as_proof(request: LintRequest) -> Request:
    return Request(
        app=request.app,
        all=request.all,
        live=None,
        database=request.database,
        scratch=None,
        keep=False,
        require_down=False,
        server_wide=False,
        rows=False,
        lint=True,
        listener=request.listener,
        interruption=request.interruption,
    )


class _Lint:
    def __init__(self, request: LintRequest, subject: Subject) -> None:
        self.request, self.subject = request, subject
        self.by_id: dict[Key, Migration] = {migration.id: migration for migration in subject.migrations}
        self.findings: list[LintFinding] = []
        self.failed: list[Failure] = []

    def result(self, session: Session) -> LintResult:
        request = self.subject.request
        request.listener(Working(N_("making a scratch database")))
        with (
            open_scratch_of(session) as scratch,
            Stand(scratch, request, self.by_id) as stand,
        ):
            request.listener(ScratchMade(scratch.name, self.subject.version))
            order = order_of(stand.django, self.subject.migrations)
            keys = chain.keys(order, self.by_id, self.subject.surroundings, stand.django.file_of)
            due = {one.id for one in self.subject.asked if self.subject.is_due(one, keys[one.id])}
            self._go(stand, _up_to_last(order, due), due)
        known = _kept(self.subject, [one for one in self.subject.asked if one.id not in due])
        return LintResult(request.database, (*known, *self.findings), tuple(self.failed))

    def _go(self, stand: Stand, order: Sequence[Key], due: set[MigrationId]) -> None:
        passed: list[Key] = []
        begun, number = time.monotonic(), 0
        for key in order:
            if key not in due:
                passed.append(key)
                continue
            self._pass(stand, passed)
            passed = []
            seconds = seconds_left(begun, number, len(due))
            number += 1
            self.request.listener(Working(".".join(key), number, len(due), seconds))
            self._look(stand, self.by_id[key])

    def _pass(self, stand: Stand, keys: Sequence[Key]) -> None:
        for key in stand.apply_together(keys):
            try:
                stand.apply(key)
            except PartFailed as error:
                self._fail(stand, self.by_id[key], error)

    def _look(self, stand: Stand, migration: Migration) -> None:
        try:
            self.findings += stand.watch(migration, Direction.UP)
            if self.request.down and migration.down:
                self.findings += stand.watch(migration, Direction.DOWN)
                stand.run(migration, Direction.UP)
        except PartFailed as error:
            self._fail(stand, migration, error)

    def _fail(self, stand: Stand, migration: Migration, error: PartFailed) -> None:
        """Tell of a part that does not run, and go on without it."""
        self.failed.append(error.failed.failure())
        stand.go_on(migration, applied=False)


def _kept(subject: Subject, migrations: Iterable[Migration]) -> tuple[LintFinding, ...]:
    """What is known of those that were looked at before and are unsafe: that is no proof that lets them pass."""
    known = (subject.before.known.get(one.id) for one in migrations if one.id not in subject.skipped)
    found = (one.findings for one in known if one and one.findings)
    return tuple(one for findings in found if any(each.severity == "error" for each in findings) for one in findings)


def _up_to_last(order: Sequence[Key], due: set[MigrationId]) -> Sequence[Key]:
    last = max((index for index, key in enumerate(order) if key in due), default=-1)
    return order[: last + 1]
