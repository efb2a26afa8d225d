"""The directive `migrate:baseline`: what it may not say, and what it cannot stand beside."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Phase

from .sections import Problem, Section


def problem_of_baseline(argument: str, start: int, *, repeatable: bool, is_second: bool) -> Problem | None:
    """What is wrong with a `migrate:baseline` itself."""
    if repeatable:
        cure = N_("Take it out: a repeatable one that is there is replaced, and never only recorded.")
        return Problem(N_("migrate:baseline is for files with a timestamp"), start, cure)
    if argument:
        return Problem(N_("migrate:baseline takes nothing behind it"), start, N_("Take that out."))
    return Problem(N_("a second migrate:baseline"), start, N_("Take one of the two out.")) if is_second else None


def problem_beside_baseline(
    sections: Sequence[Section], start: int, phase: Phase, drops_at: int | None
) -> Problem | None:
    """What is wrong with what stands beside the `migrate:baseline` at `start`."""
    if any(one.transaction is False and one.direction is Direction.UP for one in sections):
        cure = N_("Take transaction:false out of the up part, or put what needs it into a file of its own.")
        return Problem(N_("migrate:baseline compares the up part in a transaction, and this has none"), start, cure)
    if phase == "after":
        cure = N_("Take `-- migrate:phase after` out: the code that is live has the tables already.")
        return Problem(N_("migrate:baseline is for what comes before all else"), start, cure)
    if drops_at is not None:
        cure = N_("Take it out: what is there already needs no repeatable migration dropped.")
        return Problem(N_("migrate:drops has no place beside migrate:baseline"), drops_at, cure)
    return None
