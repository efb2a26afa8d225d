"""A run or revert that a worker carries out: handed over with an entry in the journal, or given up again."""

from __future__ import annotations

import uuid
from typing import NamedTuple, Self

from medusa_migrations import conf
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History
from medusa_migrations.database.journal import ENDED, GIVEN_UP, HANDED_OVER, Entry
from medusa_migrations.database.lock import run_lock
from medusa_migrations.database.runs import entries_of, handed_over, is_open
from medusa_migrations.engines.engine import QUEUE, Job, engine
from medusa_migrations.errors import DeliveryError, PlanError, SettingsError
from medusa_migrations.events import ignore
from medusa_migrations.files.build import app_labels
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, MigrationId, Phase
from medusa_migrations.plan.backwards import Backwards
from medusa_migrations.plan.forwards import Forwards
from medusa_migrations.results import RunResult

from .carry_out import carry_out
from .options import Execution, Options, forwards

SETTING = f"{conf.NAME}['ADMIN_ENGINE']"

# The runs that nothing has come of yet.
_OPEN = """
SELECT h.run::text, h.at, h.applied_by::text FROM {journal} h
WHERE h.action::text = 'handed_over' AND NOT EXISTS (
    SELECT FROM {journal} o WHERE o.run = h.run AND o.action::text NOT IN ('handed_over', 'begun'))
ORDER BY h.id DESC LIMIT 1
"""


class Asked(NamedTuple):
    """What is to be run or reverted, as JSON has it; the fields are as the arguments of `api.hand_over`."""

    direction: str
    database: str = "default"
    transaction: str | None = None
    to: str | None = None
    phase: Phase | None = None
    steps: int | None = None
    last_run: bool = False
    applied_by: str | None = None

    @classmethod
    def of(cls, job: Job) -> Self:
        """What a job says. Raises TypeError for one of another version."""
        return cls(**job["asked"])

    def wanted(self) -> Forwards | Backwards:
        """What to plan. Raises SettingsError."""
        if self.direction == Direction.UP:
            return forwards(to=self.to, phase=self.phase)
        return Backwards(None, self.steps, self.to, self.last_run, labels=app_labels())

    def options(self, *, lock_wait: float = 0, only_plan: bool = False) -> Options:
        """How to carry it out. Raises SettingsError."""
        how: Execution = {
            "database": self.database,
            "transaction": self.transaction,
            "applied_by": self.applied_by,
            "lock_wait": lock_wait,
        }
        return Options.chosen(how, only_plan=only_plan)


def hand_over(asked: Asked, expected: str) -> str:
    """As `medusa_migrations.api.hand_over`."""
    name = conf.get_settings().admin_engine
    if name is None:
        raise SettingsError(N_("{setting} is not set, so there is no engine to hand a run over to.", setting=SETTING))
    deliver = engine(name, QUEUE, SETTING)
    plan = carry_out(asked.wanted(), asked.options(only_plan=True)._replace(expected=expected))
    if not plan.migrations:
        raise PlanError(N_("There is nothing to do. Nothing was handed over."))
    run = str(uuid.uuid4())
    _record(asked, run, plan, expected, name)
    try:
        deliver.send([{"what": "run", "run": run, "asked": asked._asdict()}])
    except DeliveryError as error:
        record(asked, run, plan.migrations[0].id, Entry(ENDED, str(error)))
        raise
    return run


def _record(asked: Asked, run: str, plan: RunResult, expected: str, engine_name: str) -> None:
    """Have the journal know what was handed over, in place of a checksum that of the whole plan."""
    with open_session(asked.database) as session, run_lock(session, 0, ignore):
        session.refuse_unusable()
        history = History(session, asked.applied_by, run)
        history.open()
        for other, at, by in session.query(_OPEN.format(journal=history.journal.table)):
            raise PlanError(
                N_(
                    "The run {other}, which {by} handed over at {at:%Y-%m-%d %H:%M:%S %Z}, waits for a worker still. "
                    "Nothing was handed over. Wait for that, or give it up.",
                    other=other,
                    by=by,
                    at=at,
                )
            )
        entry = Entry(HANDED_OVER, handed_over(Direction(asked.direction), engine_name))
        history.write([history.journal.add(one.id, expected, entry) for one in plan.migrations])


def give_up(run: str, database: str, applied_by: str | None) -> None:
    """As `medusa_migrations.api.give_up`."""
    with open_session(database) as session, run_lock(session, 0, ignore):
        found = entries_of(session, run)
        if not is_open(found):
            raise PlanError(N_("It waits for no worker any more. Nothing was given up."))
        history = History(session, applied_by, run)
        history.open()
        history.write([history.journal.add(found[0].id, "", Entry(GIVEN_UP))])


def record(asked: Asked, run: str, id_: MigrationId, entry: Entry) -> None:
    """Add an entry on a run as a whole. Raises DatabaseError."""
    with open_session(asked.database) as session:
        history = History(session, asked.applied_by, run)
        history.open()
        history.write([history.journal.add(id_, "", entry)])
