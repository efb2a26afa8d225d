"""The findings of a part that was watched: without what its comments allow, and with comments that allow nothing."""

from __future__ import annotations

import re

from medusa_migrations.errors import Location, locate
from medusa_migrations.lint.allowed import codes_of, lets_pass
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Migration
from medusa_migrations.results import LintFinding

from .watched import Spotted, Watched

UNUSED = "unused-allow"


def findings(watched: Watched, migration: Migration, text: str, direction: Direction) -> tuple[LintFinding, ...]:
    """What is found of one part of `migration`, whose file has this `text`, in the order of its lines.

    The up part of a baseline runs in new databases only, where no table is in use.
    """
    header = codes_of(migration.allow)
    spotted = [] if migration.baseline and direction is Direction.UP else watched.spotted
    left = [one.finding for one in spotted if not _is_allowed(one, [*one.allow, *header])]
    idle = [(one, place) for one, place in watched.allow if not _is_used(one, spotted, above=True)]
    if direction is Direction.UP:
        texts = [one for one in header if not _is_used(one, spotted, above=False)]
        idle += [(one, place_in(text, one, migration.source)) for one in texts]
    unused = (_unused(one, place, migration, direction) for one, place in idle)
    return tuple(sorted([*left, *unused], key=lambda one: (one.line, one.column)))


def _is_allowed(spotted: Spotted, texts: list[str]) -> bool:
    return any(lets_pass(text, spotted.finding.code, spotted.finding.tables) for text in texts)


def _is_used(text: str, spotted: list[Spotted], *, above: bool) -> bool:
    reached = (one for one in spotted if not above or text in one.allow)
    return any(lets_pass(text, one.finding.code, one.finding.tables) for one in reached)


def _unused(text: str, place: Location, migration: Migration, direction: Direction) -> LintFinding:
    return LintFinding(
        id=migration.id,
        part=direction,
        code=UNUSED,
        severity="error",
        file=place.path,
        line=place.line,
        column=1,
        statement=place.source,
        message=N_("migrate:allow {code} lets nothing pass: correct it or take it out", code=text.partition(":")[0]),
    )


def place_in(text: str, allow: str, source: str) -> Location:
    """Where the header of a file with this `text` allows that."""
    written = re.search(r"\s+".join(map(re.escape, allow.split())), text)
    return locate(source, text, written.start() if written else 0)
