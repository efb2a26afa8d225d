"""Tells signals and the log what a run does, behind its commits."""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import Signal

from medusa_migrations import signals
from medusa_migrations.database.destination import name_of
from medusa_migrations.events import Remarked
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.models import AppliedMigration
from medusa_migrations.run_result import MigrationResult

from .shared import Run

logger = logging.getLogger("medusa_migrations")
logger.addHandler(logging.NullHandler())  # a project that wants none of it need not hear of errors twice


class Announcer:
    """Announces what `run` does, unless its options say that nobody is to know: of nothing until its first step."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.is_started = False
        self.has_failed = False

    def start(self) -> None:
        """The run has something to do."""
        if not self.is_started:
            self.is_started = True
            self._send("run_started")

    def done(self, result: MigrationResult) -> None:
        """A migration was applied or reverted, or recorded as such, and that is committed."""
        is_up = self.run.direction is Direction.UP
        self._send(
            "migration_applied" if is_up else "migration_reverted", id_=result.id, duration_ms=result.duration_ms
        )

    def failed(self, id_: MigrationId, error: str) -> None:
        """A migration has failed, and is rolled back as far as that goes."""
        self._send("migration_failed", id_=id_, error=error)
        self.has_failed = True

    def finish(self, error: str | None) -> None:
        """The run is over."""
        if self.is_started:
            self._send("run_finished", error=error)

    def _send(
        self, event: str, *, id_: MigrationId | None = None, duration_ms: int | None = None, error: str | None = None
    ) -> None:
        signal: Signal = getattr(signals, event)
        is_news = error is not None and not self.has_failed  # who is woken by errors is woken once
        level = logging.ERROR if is_news else logging.INFO
        if not self.run.options.announce or not (signal.has_listeners(AppliedMigration) or logger.isEnabledFor(level)):
            return
        id_text = str(id_) if id_ else None
        values = {
            "database": self.run.session.alias,
            "direction": str(self.run.direction),
            "run": self.run.history.run,
            "id": id_text,
            "duration_ms": duration_ms,
            "error": error,
        }
        if target := name_of(self.run.session.where):
            values["target"] = target
        text = f"{event} {id_text or self.run.history.run}" + (f": {error}" if error else "")
        logger.log(level, "%s", text, extra={"event": event, **values})
        try:
            for receiver, raised in signal.send_robust(AppliedMigration, **values):
                if isinstance(raised, Exception):
                    self._tell_of(_name_of(receiver), event, raised)
        except SystemExit as ended:  # which send_robust lets through; the exit code is that of the run
            if type(ended) is not SystemExit:  # those of others, as Celery's, end the process of whoever has called
                raise
            self._tell_of(N_("A receiver"), event, ended)

    def _tell_of(self, receiver: str, event: str, raised: BaseException) -> None:
        """What is wrong with a receiver is no reason to stop a run half-way."""
        reason = f"{type(raised).__name__}: {raised}"
        logger.error("%s of %s has failed: %s", receiver, event, reason, exc_info=raised)
        text = N_(
            "{receiver} of {event} has failed: {reason}. The run goes on.",
            receiver=receiver,
            event=event,
            reason=reason.removesuffix("."),
        )
        self.run.tell(Remarked(text))


def _name_of(receiver: Any) -> str:
    module, name = getattr(receiver, "__module__", ""), getattr(receiver, "__qualname__", repr(receiver))
    return N_("The receiver {module}.{name}", module=module, name=name)
