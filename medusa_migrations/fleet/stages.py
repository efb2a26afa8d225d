"""The order of a run of a fleet: the canary one by one, then stage by stage, and when nothing new may begin. Pure."""

from __future__ import annotations

import fnmatch
import hashlib
import itertools
import math
import re
from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from medusa_migrations.errors import PlanError, SettingsError, nearest
from medusa_migrations.messages import N_

CANARY = 0  # the stage of the canary; those of targets count from 1

# Why a run begins nothing new before its end.
Stopped = Literal["canary_failed", "budget_spent"]

_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%", re.ASCII)
_SLICE = re.compile(r"([0-9]+)/([0-9]+)", re.ASCII)


class Share(NamedTuple):
    """A number of targets, or a part of all of them."""

    number: int = 0
    part: Fraction | None = None

    @classmethod
    def parse(cls, value: object, called: str) -> Share:
        """That of a setting or an option: 5, "5" or "2%". Raises SettingsError, whose text says what it is `called`."""
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls(value)
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            return cls(int(value))
        percent = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
        if percent and (part := Fraction(percent[1]) / 100) <= 1:
            return cls(part=part)
        raise SettingsError(
            N_(
                "{called} is {value!r}. It must be a number of targets, 0 or more, or a part such as '2%'.",
                called=called,
                value=value,
            )
        )

    def at_least(self, total: int) -> int:
        """How many of `total` that is, rounded up: some of them are too few for no canary."""
        return self.number if self.part is None else math.ceil(self.part * total)

    def at_most(self, total: int) -> int:
        """How many of `total` that is, rounded down: no more may fail than was said."""
        return self.number if self.part is None else math.floor(self.part * total)


class Canary(NamedTuple):
    """Which targets go first, one by one: the first ones of the order, or those with these names."""

    first: Share = Share()
    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: object, called: str) -> Canary:
        """That of a setting or an option: a number, a part such as "2%", or names. Raises SettingsError."""
        if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
            return cls(names=tuple(value))
        try:
            return cls(Share.parse(value, called))
        except SettingsError:
            raise SettingsError(
                N_(
                    "{called} is {value!r}. It must be a number of targets, 0 or more, a part such as '2%', or a list "
                    "of the names of targets.",
                    called=called,
                    value=value,
                )
            ) from None


def counting_number(value: object, called: str) -> int:
    """That of a setting such as JOBS, or the stage of a target. Raises SettingsError for what is none."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise SettingsError(N_("{called} is {value!r}. It must be a whole number, 1 or more.", called=called, value=value))


class Limits(NamedTuple):
    """How many targets are under way at once, in all and on one server, and how many may fail."""

    jobs: int = 8
    jobs_per_server: int | None = None
    max_failures: Share = Share()

    @classmethod
    def parse(cls, jobs: object, jobs_per_server: object, max_failures: object, called: str = "{}") -> Limits:
        """Those of the settings JOBS, JOBS_PER_SERVER and MAX_FAILURES. Raises SettingsError.

        `called` makes of a setting's name what its error calls it.
        """
        return cls(
            counting_number(jobs, called.format("JOBS")),
            None if jobs_per_server is None else counting_number(jobs_per_server, called.format("JOBS_PER_SERVER")),
            Share.parse(max_failures, called.format("MAX_FAILURES")),
        )


class Slice(NamedTuple):
    """One of several processes that share a run; `number` counts from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Slice:
        """That of the option --slice: "2/5". Raises PlanError."""
        found = _SLICE.fullmatch(text.strip())
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise PlanError(
                N_("--slice is {text!r}. Write which process this is, and of how many: 1/5 to 5/5.", text=text)
            )
        return cls(int(found[1]), int(found[2]))

    def has(self, slot: Slot) -> bool:
        """Whether this process has that one to do. The canary is the first process's, so that it is done one by one.

        The name alone says it: one that is started again when the run has ended has the same part of the next run, and
        what others have done and are not started for is not counted.
        """
        if slot.stage == CANARY:
            return self.number == 1
        digest = hashlib.blake2s(slot.name.encode()).digest()
        return int.from_bytes(digest, "big") % self.of == self.number - 1


class Member(NamedTuple):
    """A target, as far as its place in the order goes: `server` is where it is, as any text."""

    name: str
    stage: int = 1
    server: str = ""


class Slot(NamedTuple):
    """The place of a target in a run: its `position` stays the same when the run is resumed."""

    name: str
    stage: int
    position: int
    server: str = ""


def in_order(members: Sequence[Member], canary: Canary, known: Collection[str] | None = None) -> tuple[Slot, ...]:
    """The order of a run: the canary, then the stages by their numbers, in each the order in which they are given.

    `known` are the names of all targets of the fleet, where `members` are only those that have something to do.
    Raises PlanError for the name of a canary that no target has.
    """
    by_stage = sorted(members, key=lambda member: member.stage)
    first = _canary(by_stage, canary, {member.name for member in members} if known is None else known)
    rest = [member for member in by_stage if member.name not in {one.name for one in first}]
    staged = itertools.chain(((one, CANARY) for one in first), ((one, one.stage) for one in rest))
    return tuple(Slot(one.name, stage, position, one.server) for position, (one, stage) in enumerate(staged))


def selected(names: Sequence[str], only: Sequence[str] = (), without: Sequence[str] = ()) -> tuple[str, ...]:
    """Those that a glob of --only finds, or all without one, less those that one of --except finds.

    A name is a glob that finds itself, whatever characters it has. Raises PlanError for a glob that finds none.
    """
    wanted = _found(names, only, "--only") if only else set(names)
    left_out = _found(names, without, "--except")
    return tuple(name for name in names if name in wanted and name not in left_out)


class Schedule:
    """Says which target is next; whoever carries them out tells what has begun and ended. Not for several threads.

    One stage is at its end before the next begins. In a stage the servers take turns, each with its own in their order.
    In the canary one target is under way at a time, and the first failure ends the run. After it, more failures than
    `limits` has let mean that nothing new begins.
    """

    def __init__(self, slots: Iterable[Slot], limits: Limits, total: int | None = None) -> None:
        """`total` is what the part of those that may fail is of, by default the number of `slots`."""
        ordered = sorted(slots, key=lambda slot: (slot.stage, slot.position))
        self._stages = deque(_Stage(stage, found) for stage, found in itertools.groupby(ordered, _stage_of))
        self._limits = limits
        self._may_fail = limits.max_failures.at_most(len(ordered) if total is None else total)
        self._running: dict[str, Slot] = {}
        self._failures = 0
        self.stopped: Stopped | None = None

    def take(self) -> Slot | None:
        """The next target, which is under way from now on; None if none may begin now."""
        if self.stopped or not (stage := self._stage()):
            return None
        jobs = 1 if stage.number == CANARY else self._limits.jobs
        if len(self._running) >= jobs:
            return None
        slot = stage.take(Counter(one.server for one in self._running.values()), self._limits.jobs_per_server)
        if slot:
            self._running[slot.name] = slot
        return slot

    def ended(self, slot: Slot, *, failed: bool) -> None:
        """Note that a target that was taken is at its end."""
        del self._running[slot.name]
        self._failures += failed
        if failed and slot.stage == CANARY:
            self.stopped = "canary_failed"
        elif self._failures > self._may_fail:
            self.stopped = self.stopped or "budget_spent"

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way, and nothing will be."""
        return not self._running and (self.stopped is not None or self._stage() is None)

    @property
    def running(self) -> tuple[str, ...]:
        """The names of the targets that are under way, the earliest first."""
        return tuple(self._running)

    def _stage(self) -> _Stage | None:
        """The stage of which something is left, or under way."""
        while self._stages and not self._stages[0].is_left and not self._running:
            self._stages.popleft()
        return self._stages[0] if self._stages else None


class _Stage:
    """What is left of a stage: a queue for each server, and the servers in the order of their turns."""

    def __init__(self, number: int, slots: Iterable[Slot]) -> None:
        self.number = number
        self._queues: dict[str, deque[Slot]] = {}
        for slot in slots:
            self._queues.setdefault("" if number == CANARY else slot.server, deque()).append(slot)

    @property
    def is_left(self) -> bool:
        return bool(self._queues)

    def take(self, running: Counter[str], most: int | None) -> Slot | None:
        """The next one of the server whose turn it is, of those that have less than `most` under way."""
        for server, queue in self._queues.items():
            if most is None or running[queue[0].server] < most:
                slot = queue.popleft()
                del self._queues[server]
                if queue:
                    self._queues[server] = queue  # behind the others
                return slot
        return None


def _stage_of(slot: Slot) -> int:
    return slot.stage


def _canary(members: Sequence[Member], canary: Canary, known: Collection[str]) -> Sequence[Member]:
    for name in canary.names:
        if name not in known:
            raise PlanError(
                N_("The canary {name!r} is no target of this fleet.{hint}", name=name, hint=nearest(name, known))
            )
    if canary.names:
        by_name = {member.name: member for member in members}
        return [by_name[name] for name in dict.fromkeys(canary.names) if name in by_name]
    return members[: canary.first.at_least(len(members))]


def _found(names: Sequence[str], globs: Sequence[str], option: str) -> set[str]:
    found: set[str] = set()
    for glob in globs:
        matched = {name for name in names if name == glob or fnmatch.fnmatchcase(name, glob)}
        if not matched:
            raise PlanError(
                N_(
                    "{option} {glob!r} is the name of no target, and finds none as a glob.{hint}",
                    option=option,
                    glob=glob,
                    hint=nearest(glob, names),
                )
            )
        found |= matched
    return found
