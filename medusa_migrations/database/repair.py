"""What needs repair in the history, and the SQL that settles it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from typing import NamedTuple

from medusa_migrations import conf
from medusa_migrations.errors import PlanError, StalePlanError, nearest
from medusa_migrations.events import Listener, ignore
from medusa_migrations.files.build import to_run
from medusa_migrations.files.dist import stored_down
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import MigrationId
from medusa_migrations.plan.known import UNFINISHED_REVERTS, Known, find_id, fingerprint
from medusa_migrations.results import Finding, RepairResult

from .connect import open_session
from .destination import Destination, name_of, options_for
from .history import History, read_known
from .journal import Entry
from .lock import known_and_holder, run_lock

_UNFINISHED = {
    "failed": N_("its up part failed; migrations_run goes on with it"),
    "running": N_("its up part was cut off; migrations_run goes on with it"),
    "revert_failed": N_("its down part failed; migrations_revert goes on with it"),
    "reverting": N_("its down part was cut off; migrations_revert goes on with it"),
}


def findings(known: Known, where: Destination, *, locked: bool) -> tuple[Finding, ...]:
    """What is not as it should be, and how to settle it; `locked` tells whether some process holds the lock."""
    options = options_for(where)
    found = [
        Finding(
            migration.id,
            "changed",
            N_("changed since it was applied"),
            N_("migrations_repair{options} --accept-changes {id}", options=options, id=migration.id),
        )
        for migration in known.changed()
    ]
    by_checksum = {migration.checksum: migration.id for migration in reversed(known.pending())}
    for row in known.rows.values():
        if locked and row.state in ("running", "reverting"):
            found.append(Finding(row.id, "running", N_("running now"), N_("wait until it is done")))
        elif row.state != "applied":
            again = f"--send-again {row.id}, " if row.sent_alone else ""
            cure = N_(
                "migrations_repair{options} {again}--mark-applied {id}, or --mark-reverted {id}",
                options=options,
                again=again,
                id=row.id,
            )
            if row.id not in known.by_id:
                cure = N_("{cure}, or, if its file was renamed, --renamed {id}=NEW", cure=cure, id=row.id)
            problem = _in_part(row.statements_done + 1) if row.sent_alone else _UNFINISHED[row.state]
            found.append(Finding(row.id, "failed", N_("{problem}, or settle it by hand", problem=problem), cure))
        elif row.id not in known.by_id:
            new = by_checksum.get(row.checksum, "NEW")
            found.append(
                Finding(
                    row.id,
                    "missing",
                    N_("applied, but there is no file"),
                    N_(
                        "if it was renamed, migrations_repair{options} --renamed {id}={new}",
                        options=options,
                        id=row.id,
                        new=new,
                    ),
                )
            )
    return tuple(found)


def _in_part(number: int) -> str:
    return N_(
        "its statement {number} may be committed in part, and no run sends it again unasked; see what it has done, "
        "mend it",
        number=number,
    )


class Wanted(NamedTuple):
    """What is to be settled: ids, and pairs `OLD=NEW`; `accept_changes` None is not asked for, empty means all."""

    accept_changes: Sequence[str] | None = None
    send_again: Sequence[str] = ()
    mark_applied: Sequence[str] = ()
    mark_reverted: Sequence[str] = ()
    renamed: Sequence[str] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids."""
        return (*(self.accept_changes or ()), *self.send_again, *self.mark_applied, *self.mark_reverted)


def repair(
    wanted: Wanted,
    where: Destination,
    *,
    lock: bool = True,
    lock_wait: float | None = None,
    applied_by: str | None = None,
    listener: Listener = ignore,
    expected: str | None = None,
) -> RepairResult:
    """As `medusa_migrations.api.repair`."""
    wait = conf.chosen("lock_wait", lock_wait)
    migrations = to_run(only_plan=True)
    with open_session(where) as session:
        history = History(session, applied_by)
        before, holder = known_and_holder(history, migrations)
        if wanted == Wanted():
            return RepairResult(
                session.alias, (), findings(before, where, locked=holder is not None), target=name_of(where)
            )
        with run_lock(session, wait, listener) if lock else nullcontext():
            session.refuse_unusable()
            history.open()
            known = read_known(history, migrations)
            if known.rows != before.rows:
                raise PlanError(N_("Another run has changed the history meanwhile. Nothing was repaired: look again."))
            if expected is not None and any(fingerprint(known, find_id(one, known)) != expected for one in wanted.ids):
                raise StalePlanError(
                    N_("The migration is not what was shown any more. Nothing was repaired. Look at it again.")
                )
            repairs = Repair(known, history)
            repairs.settle(wanted)
            history.write(repairs.sql)
            return RepairResult(session.alias, tuple(repairs.done), (), target=name_of(where))


class Repair:
    """Collects the SQL of repairs; `done` says in words what each does. Raises PlanError for what makes no sense."""

    def __init__(self, known: Known, history: History) -> None:
        self.known, self.history = known, history
        self.sql: list[str] = []
        self.done: list[str] = []

    def settle(self, wanted: Wanted) -> None:
        """All that is wanted."""
        if wanted.accept_changes is not None:
            self.accept_changes(wanted.accept_changes)
        for id_ in wanted.send_again:
            self.send_again(id_)
        for id_ in wanted.mark_applied:
            self.mark_applied(id_)
        for id_ in wanted.mark_reverted:
            self.mark_reverted(id_)
        for pair in wanted.renamed:
            self.rename(pair)

    def accept_changes(self, names: Sequence[str]) -> None:
        """Record the checksums of today; of all changed ones without `names`."""
        changed = {migration.id: migration for migration in self.known.changed()}
        for id_ in [self._id(name, changed) for name in names] or changed:
            migration = changed[id_]
            entry = self._do(id_, N_("today's checksum is recorded"))
            values = {"checksum": migration.checksum, "down": stored_down(migration)}
            self.sql.append(self.history.update(id_, entry, **values))

    def send_again(self, name: str) -> None:
        """Let the next run send the statement at which it stopped, though that may be committed in part."""
        id_ = self._id(name, {row.id for row in self.known.rows.values() if row.sent_alone})
        row = self.known.rows[id_]
        command = "migrations_revert" if row.state in UNFINISHED_REVERTS else "migrations_run"
        progress = json.dumps({"checksum": row.finished_checksum}) if row.finished_checksum else None
        entry = self._do(id_, N_("the next {command} sends the statement at which it stopped again", command=command))
        self.sql.append(self.history.update(id_, entry, progress=progress))

    def mark_applied(self, name: str) -> None:
        """Record as applied in full, whatever the history says."""
        id_ = self._id(name, self.known.by_id, self.known.rows)
        row, migration = self.known.rows.get(id_), self.known.by_id.get(id_)
        is_outdated = migration is not None and self.known.is_outdated(migration)
        if row and row.state == "applied" and not is_outdated:
            raise PlanError(N_("{id} is applied already. Nothing was repaired.", id=id_))
        down = stored_down(migration) if migration else None
        entry = self._do(id_, N_("marked as applied"))
        if row is None:
            assert migration is not None  # the id is one of either
            self.sql.append(self.history.insert(id_, migration.checksum, down, entry=entry))
            return
        values: dict[str, str | int | None] = {"checksum": migration.checksum, "down": down} if migration else {}
        settled: dict[str, str | int | None] = {"state": "applied", "error": "", "statements_done": 0, "progress": None}
        self.sql.append(self.history.update(id_, entry, **settled, **values))

    def mark_reverted(self, name: str) -> None:
        """Forget that it was applied."""
        id_ = self._id(name, self.known.rows)
        self.sql.append(self.history.remove(self.known.rows[id_], self._do(id_, N_("marked as reverted"))))

    def rename(self, pair: str) -> None:
        """Follow a renamed file, or with two labels a renamed app: `OLD=NEW`."""
        old, equals, new = pair.partition("=")
        if not equals or not old or not new:
            raise PlanError(N_("--renamed takes OLD=NEW, two ids or two app labels; this is {pair!r}.", pair=pair))
        if "." not in old and "." not in new:
            ids = [id_ for id_ in self.known.rows if id_.app == old]
            if not ids:
                raise PlanError(
                    N_(
                        "Nothing of the app {old!r} is applied.{hint}",
                        old=old,
                        hint=nearest(old, {i.app for i in self.known.rows}),
                    )
                )
            for id_ in ids:
                self._rename_one(id_, MigrationId(new, id_.name), needs_file=False)
            return
        self._rename_one(self._id(old, self.known.rows), self._id(new, self.known.by_id), needs_file=True)

    def _rename_one(self, old: MigrationId, new: MigrationId, *, needs_file: bool) -> None:
        if old in self.known.by_id:
            raise PlanError(
                N_(
                    "{old} still has its file ({path}), so it was not renamed.",
                    old=old,
                    path=self.known.by_id[old].source,
                )
            )
        if needs_file and new not in self.known.by_id:
            raise PlanError(N_("There is no migration {new}. Nothing was repaired.", new=new))
        if new in self.known.rows:
            raise PlanError(N_("{new} is in the history itself. Nothing was repaired.", new=new))
        self.done.append(N_("{old}: is {new} now", old=old, new=new))
        self.sql.append(self.history.update(old, Entry("renamed", f"was {old}"), app=new.app, name=new.name))

    def _id(self, name: str, *among: Collection[MigrationId]) -> MigrationId:
        id_ = MigrationId._make(name.partition(".")[::2])
        if not any(id_ in ids for ids in among):
            hint = nearest(name, {str(one) for ids in among for one in ids})
            hint = hint or N_(" migrations_repair without options lists what needs it.")
            raise PlanError(
                N_("{name!r} is none that this can repair. Nothing was repaired.{hint}", name=name, hint=hint)
            )
        return id_

    def _do(self, id_: MigrationId, what: str) -> Entry:
        """Say what is done with a migration; returns what the journal is to have of it."""
        self.done.append(joined(": ", [str(id_), what]))
        return Entry("repaired", what)
