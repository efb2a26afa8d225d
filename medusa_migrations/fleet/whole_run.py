"""A run of a fleet that has something to do: canary, the rest, and a survey of what is new or was not done."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Sequence

from medusa_migrations.database.connect import CannotConnect
from medusa_migrations.database.destination import FleetTarget
from medusa_migrations.database.interruption import Interruption, StopRequested
from medusa_migrations.errors import DatabaseError, DeliveryError, LockError, MigrationError
from medusa_migrations.messages import N_

from . import ledger
from .board import Board
from .dispatch import Dispatch, RunEnded
from .job import job_of
from .ledger import Begun, Target, Work
from .others import Others
from .pool import Interruptions, carry_out
from .request import Request
from .results import (
    Counts,
    EndedBy,
    FleetResult,
    Standing,
    TargetResult,
    outcome,
)
from .room import refuse_too_many
from .stages import CANARY, Canary, Member, Schedule, Share, Slot, in_order
from .survey import Survey, survey
from .targets import setting, targets
from .work import UNREACHABLE, Listening, change_of, failed, with_earlier, work
from .writer import Change, LedgerWriter

# How often targets that came during a run are looked for: an app that makes one a second has no end.
MOST_ROUNDS = 3


def result_of(
    request: Request,
    number: int | None,
    found: Iterable[TargetResult],
    ended_by: EndedBy | None,
    notes: Iterable[str],
) -> FleetResult:
    """What a run came to, with the number that the ledger gave it."""
    results = tuple(found)
    return FleetResult(
        request.fleet,
        number,
        request.direction,
        request.asked.build,
        outcome(Counts.of(results), ended_by),
        results,
        tuple(notes),
    )


class WholeRun:
    """A run that has something to do: what became of each target so far, and the ledger."""

    def __init__(self, request: Request, interruptions: Interruptions, chosen: Sequence[FleetTarget]) -> None:
        self.request, self.interruptions = request, interruptions
        self.chosen = {one.name: one for one in chosen}
        self.results: dict[str, TargetResult] = {}
        self.notes: list[str] = []  # for people, at the end
        self.ended_by: EndedBy | None = None
        self.begun: Begun | None = None
        self.writer: LedgerWriter | None = None
        self.entries: dict[str, Target] = {}
        self.due: dict[str, Slot] = {}
        self.unreachable: set[str] = set()
        self.dispatch: Dispatch | None = None
        self.others = Others(request, interruptions, self._change)
        self.left_to_others: set[str] = set()
        self.is_closed = False  # whether one of them has ended it
        self.may_fail = request.limits.max_failures.at_most(len(chosen))

    @property
    def failures(self) -> int:
        return sum(one.state == "failed" for one in self.results.values())

    def carry_out(self, found: Survey, known: Collection[str]) -> FleetResult:
        """The whole run, of which `found` is the first survey; `known` are the names of all targets of the fleet."""
        slots = self._slots(found, known)
        self.notes += found.held_back()
        self.due = {slot.name: slot for slot in slots}
        self._fail_refused(found, slots)
        if self.ended_by is None:
            refuse_too_many(slots, self.chosen, self.request.limits)
            self._have_begun(slots, found)
            self._leave_to_others()
            self.request.watcher.expects(sum(name not in self.results for name in self.due))
            self._with_ledger(slots, found)
        return self._ended()

    def _slots(self, found: Survey, known: Collection[str]) -> tuple[Slot, ...]:
        """The order of what is not current."""
        members = [
            Member(name, one.stage, found.servers.get(name, ""))
            for name, one in self.chosen.items()
            if found.standings[name].kind != "current"
        ]
        slots = in_order(members, self.request.canary, known)
        if not self.request.canary_only:
            return slots
        canary = tuple(slot for slot in slots if slot.stage == CANARY)
        left = len(slots) - len(canary)
        if left:
            self.notes.append(N_("Of the others {count} have something to do: run without --canary-only.", count=left))
        for slot in slots[len(canary) :]:
            del self.chosen[slot.name]
        return canary

    def _fail_refused(self, found: Survey, slots: Iterable[Slot]) -> None:
        """Those on which no run may go on have failed before anything is begun."""
        for slot in slots:
            standing = found.standings[slot.name]
            if standing.kind in ("current", "pending"):
                continue
            if standing.kind == "unreachable":
                self.unreachable.add(slot.name)
            self.results[slot.name] = _failed(slot.name, standing)
            if slot.stage == CANARY:
                self.ended_by = "canary_failed"
        if self.failures > self.may_fail:
            self.ended_by = self.ended_by or "budget_spent"

    def _have_begun(self, slots: Sequence[Slot], found: Survey) -> None:
        """Have a run in the ledger with those targets, a new one or that which was not finished."""
        request = self.request
        wanted = request.wanted(len(self.chosen))
        pending = [Work(slot, len(found.standings[slot.name].pending)) for slot in slots]
        new = request.new and self.begun is None
        was_begun = self.begun is not None
        self.begun = ledger.begin(setting(request.fleet).control, wanted, pending, new=new)
        self.entries = {one.name: one for one in self.begun.targets}
        if self.writer:
            self.writer.go_on(self.begun)
        if self.begun.is_resumed and not was_begun:
            begun = self.begun.run
            request.watcher.alert(
                N_(
                    "Going on with run {run}, which {by} began at {at:%Y-%m-%d %H:%M:%S %Z}, and which has not ended.",
                    run=begun.id,
                    by=begun.applied_by,
                    at=begun.begun_at,
                )
            )

    def _leave_to_others(self) -> None:
        """Keep to the part of this process, where several share the run."""
        part = self.request.slice
        if part is None:
            return
        self.left_to_others = {name for name in self.due if not part.has(self.entries[name].slot())}
        for name in self.left_to_others:
            del self.chosen[name], self.due[name]
            self.results.pop(name, None)

    def _with_ledger(self, slots: Sequence[Slot], found: Survey) -> None:
        assert self.begun is not None
        try:
            with LedgerWriter(setting(self.request.fleet).control, self.begun) as self.writer:
                for name, result in self.results.items():
                    self._change(name, Change("failed", failure=result.error))
                self._skip_gone(found)
                self._settle_done(found)
                self._go(slots, found)
                self._look_again()
                if self.dispatch and not self.ended_by and not self.is_closed:
                    self._check_told()
                ends = outcome(Counts.of(self._all()), self.ended_by)
                if ends != "interrupted":
                    only_last = self.request.slice is not None and self.ended_by is None
                    self._tell_ledger(lambda writer: writer.end(ends, only_last=only_last))
        except DatabaseError as error:
            self.notes.append(error.args[0])
        if self.request.slice and not (self.ended_by or self.failures):
            with contextlib.suppress(MigrationError, StopRequested):  # the next run does it
                self.others.finish()
        if self.writer and self.writer.behind:
            self.notes.append(self.writer.behind)

    def _skip_gone(self, found: Survey) -> None:
        """Of a resumed run: what is in the fleet no more."""
        for name, target in self.entries.items():
            if not target.is_settled and name not in found.standings:
                self._change(name, Change("skipped"))

    def _settle_done(self, found: Survey) -> None:
        """Of a resumed run: what was done and not written, as by a process that was killed between the two."""
        for name, target in self.entries.items():
            standing = found.standings.get(name)
            if target.state not in ("done", "skipped") and standing and standing.kind == "current":
                self._change(name, Change("done"))

    def _go(self, slots: Sequence[Slot], found: Survey) -> None:
        """Carry out `slots` but for those that have failed already, and those of other processes."""
        assert self.begun is not None
        wanted = {slot.name for slot in slots} - {name for name, one in self.results.items() if one.state == "failed"}
        placed = [
            one.slot(found.servers.get(one.name, ""))
            for one in self.begun.targets
            if one.name in wanted - self.left_to_others
        ]
        with contextlib.ExitStack() as stack:
            board = stack.enter_context(self._board()) if self.request.engine or self.request.slice else None
            if board and self.request.engine:
                job = job_of(self.begun.run.id, setting(self.request.fleet).control, self.request)
                self.dispatch = Dispatch(self.request.engine, board, job, self.request.watcher.alert, self._seen)
            for some in self._together(placed):
                if board and self.request.slice:
                    self._wait_for_others(board, some[0].stage)
                if not (self.ended_by or self.is_closed):
                    self._carry_out(some)
                if self.ended_by or self.is_closed:
                    return

    def _board(self) -> Board:
        assert self.begun is not None
        control, stop = setting(self.request.fleet).control, self.request.interruption
        return Board(control, self.begun, stop.wait, self.request.watcher.alert)

    def _together(self, placed: Sequence[Slot]) -> list[list[Slot]]:
        """What can be carried out without waiting for other processes: of those that share the run, one stage."""
        if self.request.slice is None or not placed:
            return [list(placed)] if placed else []
        ordered = sorted(placed, key=lambda slot: slot.stage)
        return [list(some) for _, some in itertools.groupby(ordered, lambda slot: slot.stage)]

    def _wait_for_others(self, board: Board, stage: int) -> None:
        try:
            ended = self.others.wait_for(board, stage)
        except StopRequested:
            self.ended_by = "interrupted"
        else:
            if ended:
                self._close(ended)

    def _close(self, note: str) -> None:
        if not self.is_closed:
            self.notes.append(note)
        self.is_closed = True

    def _carry_out(self, slots: Sequence[Slot]) -> None:
        limits = self.request.limits._replace(max_failures=Share(self.may_fail - self.failures))
        schedule = Schedule(slots, limits)
        carry_out(schedule, self._work, min(limits.jobs, len(slots)), self.request.interruption)
        self.ended_by = "interrupted" if self.request.interruption.is_requested else schedule.stopped

    def _work(self, slot: Slot) -> bool:
        """One target; whether it has failed."""
        if self.is_closed:
            return False
        self.request.watcher.began(slot.name)
        try:
            with self.interruptions.one() as interruption:
                result = self._result(slot.name, interruption)
        except StopRequested:
            result = TargetResult(slot.name, "not_reached")
        except RunEnded as ended:
            self._close(str(ended))
            result = TargetResult(slot.name, "not_reached")
        except (CannotConnect, LockError, DeliveryError, DatabaseError) as error:
            result = failed(slot.name, error)
            self._change(slot.name, change_of(result))
        if result.error and result.error.sqlstate == UNREACHABLE:
            self.unreachable.add(slot.name)
        self.results[slot.name] = result
        self.request.watcher.ended(result)
        return result.state == "failed" and not self._may_be_reached_later(slot)

    def _result(self, name: str, interruption: Interruption) -> TargetResult:
        """What a worker has made of a target, or this process, which then tells the ledger."""
        assert self.begun is not None
        target = self.chosen[name]
        if self.dispatch:
            return self.dispatch.work(target, interruption)
        told = functools.partial(self.request.watcher.told, name)
        listening = Listening(told, lambda: self._change(name, Change("running")))
        options = self.request.options._replace(run=self.begun.run.mark, is_due=True)
        attempt = self.entries[name].attempt + 1
        result = work(target, self.request.asked, options, listening, interruption, attempt)
        if result.state != "not_reached":
            self._change(name, change_of(result))
        return result

    def _seen(self, target: FleetTarget) -> TargetResult | None:
        """What became of a target where all is done and nobody has told: a worker may not write the ledger."""
        assert self.begun is not None
        standing = survey([target], self.request.asked, 1, self.interruptions).standings[target.name]
        if standing.kind != "current":
            return None
        result = with_earlier(TargetResult(target.name, "current"), target, self.begun.run.mark)
        self._change(target.name, change_of(result))
        return result

    def _check_told(self) -> None:
        """What workers told to be done and is not, as by those that reach other databases by the same names, failed."""
        told = [self.chosen[name] for name, one in self.results.items() if name in self.due and one.state != "failed"]
        try:
            found = survey(told, self.request.asked, self.request.limits.jobs, self.interruptions)
        except StopRequested:
            self.ended_by = "interrupted"
            return
        for name in [name for name, standing in found.standings.items() if standing.pending]:
            error = DatabaseError(
                N_(
                    "A worker has done {name}, and nothing of that is where this command looks. Both need the same "
                    "DATABASES and FLEETS: correct those of the worker, or of this, and run again.",
                    name=name,
                )
            )
            self.results[name] = failed(name, error)
            self._change(name, change_of(self.results[name]))

    def _may_be_reached_later(self, slot: Slot) -> bool:
        """Whether it could not be connected to, which is tried again at the end: unless that goes for all."""
        few = len(self.unreachable) <= self.request.limits.jobs
        return slot.name in self.unreachable and slot.stage != CANARY and few

    def _look_again(self) -> None:
        """Do what came meanwhile, and what could not be reached before. Unless the run was to end early."""
        for _ in range(MOST_ROUNDS):
            if self.ended_by or self.is_closed or self.request.canary_only:
                return
            try:
                now = {one.name: one for one in self.request.of(targets(self.request.fleet))}
                self._leave_gone(now)
                known = self.chosen.keys() - self.unreachable | self.left_to_others
                left = [one for name, one in now.items() if name not in known]
                if not left or not self._do_left(left):
                    return
            except StopRequested:
                self.ended_by = "interrupted"
            except MigrationError as error:
                self.notes.append(N_("What came meanwhile was not looked for: {error}", error=error.args[0]))
                return

    def _do_left(self, left: Sequence[FleetTarget]) -> bool:
        """Do what is pending on those that are left, if anything is."""
        found = survey(left, self.request.asked, self.request.limits.jobs, self.interruptions)
        self.chosen |= {one.name: one for one in left}
        self.unreachable = set(found.of_kind("unreachable"))
        due = found.of_kind("pending")
        for name, standing in found.standings.items():
            if standing.kind == "current":
                self.results[name] = TargetResult(name, "current")
            elif standing.kind != "pending":
                self.results[name] = _failed(name, standing)
            else:
                self.results.pop(name, None)
        self._settle_done(found)
        if self.failures > self.may_fail:
            self.ended_by = "budget_spent"
        if not due or self.ended_by:
            return False
        slots = [
            slot._replace(stage=max(slot.stage, CANARY + 1))
            for slot in in_order(
                [Member(name, self.chosen[name].stage, found.servers.get(name, "")) for name in due],
                Canary(),
            )
        ]
        self.due |= {slot.name: slot for slot in slots}
        self._have_begun(slots, found)
        self._go(slots, found)
        return True

    def _leave_gone(self, now: dict[str, FleetTarget]) -> None:
        """What has failed and is no target any more, as a tenant that was deleted, is no failure."""
        for name in [name for name, one in self.results.items() if one.state == "failed" and name not in now]:
            del self.results[name], self.chosen[name]
            self.notes.append(N_("{name} was taken out of the fleet meanwhile, and is left alone.", name=name))
            self._change(name, Change("skipped"))

    def _change(self, name: str, change: Change) -> None:
        entry = self.entries.get(name)
        if entry:
            self._tell_ledger(lambda writer: writer.change(entry, change))

    def _tell_ledger(self, tell: Callable[[LedgerWriter], None]) -> None:
        """The ledger is a report: what it cannot take is told at the end, and stops nothing."""
        assert self.writer is not None
        with contextlib.suppress(DatabaseError):  # which the end of the writer raises again
            tell(self.writer)

    def _all(self) -> list[TargetResult]:
        """What became of all targets, in the order of the run."""
        names = dict.fromkeys([*(name for name in self.due if name in self.chosen), *self.chosen])
        return [
            self.results.get(name) or TargetResult(name, "not_reached" if name in self.due else "current")
            for name in names
        ]

    def _ended(self) -> FleetResult:
        number = self.begun.run.id if self.begun else None
        return result_of(self.request, number, self._all(), self.ended_by, self.notes)


def _failed(name: str, standing: Standing) -> TargetResult:
    return TargetResult(name, "failed", error=standing.error, told=standing.told)
