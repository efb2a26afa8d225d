"""What is wanted of fleets, and what was measured."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..tools.measure import Spread, Taken, in_turn, walls


@dataclass(frozen=True)
class Goal:
    """`measured` is to be at most `limit`, both in `unit`; of a time, `least` is what the best rounds give."""

    what: str
    measured: Spread
    limit: float
    unit: str
    least: float | None = None

    @property
    def is_time(self) -> bool:
        return self.least is not None

    @property
    def reached(self) -> bool:
        return self.measured.median <= self.limit

    def row(self, verdict: str) -> list[str]:
        measured = self.measured.text(2) if self.is_time else f"{self.measured.largest:g}"
        least = "" if self.least is None else f"{self.least:.2f}"
        return [self.what, f"≤ {self.limit:g} {self.unit}", measured, least, verdict]


def counted(what: str, number: float, limit: float, unit: str) -> Goal:
    """The goal of what is counted once."""
    return Goal(what, Spread.of([number]), limit, unit)


def taken_in_turn(what: str, work: Mapping[str, Callable[[], Taken]], rounds: int) -> dict[str, list[Taken]]:
    """What each piece of work takes, which is told at once; the whole ends where one fails."""
    results = in_turn(work, rounds)
    if missing := set(work) - set(results):
        sys.exit(f"{what}: {', '.join(missing)} failed, see above.")
    print(f"{what}, s: " + "; ".join(f"{name} {walls(taken).text(2)}" for name, taken in results.items()), flush=True)
    return results


def ratio(
    what: str, results: Mapping[str, Sequence[Taken]], other: str, limit: float, *, start: str | None = None
) -> Goal:
    """The goal that "run", without what "start" takes if that is named, takes at most `limit` × what `other` takes.

    The ratio is of medians; its least and largest are of single rounds.
    """
    ours, theirs = ([one.wall for one in results[name]] for name in ("run", other))
    starts = [one.wall for one in results[start]] if start else [0.0] * len(ours)
    single = [(our - begun) / their for our, begun, their in zip(ours, starts, theirs, strict=True)]
    median = (statistics.median(ours) - statistics.median(starts)) / statistics.median(theirs)
    least = (min(ours) - min(starts)) / min(theirs)
    return Goal(what, Spread(median, min(single), max(single)), limit, f"x {other}", least)
