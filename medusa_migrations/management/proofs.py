"""How proofs look in a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.management.color import Style

from medusa_migrations.events import Event, Proved, ScratchMade
from medusa_migrations.messages import N_
from medusa_migrations.results import Difference, Proof, VerifyResult, duration

from . import lint_formats
from .console import Console, failure_json, plural, printable

_FAULTS = {
    "drift": N_("DRIFT after down"),
    "up_failed": N_("UP FAILED"),
    "down_failed": N_("DOWN FAILED"),
    "second_up_failed": N_("SECOND UP FAILED"),
    "irreversible": N_("IRREVERSIBLE"),
}
_WORDS = {
    "proven": N_("proven"),
    "irreversible": N_("irreversible: it has no down part"),
    "skipped": N_("skipped"),
}

# What a difference is called: in what a down part brings back, and in a live database.
IN_DRIFT = {"new": N_("left behind"), "gone": N_("not brought back")}
IN_LIVE = {"new": N_("made by no migration"), "gone": N_("not there")}


class ProofConsole(Console):
    """Listens to the events of a proof, and writes its results too."""

    def _tell(self, event: Event) -> None:
        match event:
            case ScratchMade(name, version):
                heading = N_("Scratch {name} (PostgreSQL {version})", name=name, version=version)
                self.write(self.style.MIGRATE_HEADING(heading))
            case Proved(proof):
                self.write("\n".join([*proof_lines(proof, self.style), *finding_lines(proof, self.style)]))
            case _:
                super()._tell(event)


def proof_lines(proof: Proof, style: Style) -> Iterator[str]:
    """What came of one migration, as lines."""
    head = f"  {printable(str(proof.id))}..."
    first, *rest = printable(proof.told).split("\n")
    if proof.is_fault:
        reason = f": {first}" if first else ""
        yield f"{head} {style.ERROR(_FAULTS[proof.status])}{reason}"
        yield from (f"      {line}" for line in rest)
        for difference in proof.drift:
            yield from difference_lines(difference, IN_DRIFT)
        return
    word = _WORDS[proof.status]
    took = f" ({duration(proof.duration_ms)})" if proof.duration_ms is not None else ""
    loses = N_("; reverting loses the values of {columns}", columns=", ".join(proof.loses)) if proof.loses else ""
    coloured = style.SUCCESS(word) if proof.status == "proven" else style.WARNING(word)
    yield f"{head} {coloured}{took}{printable(loses)}" + (f": {first}" if first else "")


def finding_lines(proof: Proof, style: Style) -> Iterator[str]:
    """What is unsafe in one migration, as lines."""
    if proof.findings:
        yield from (f"      {line}".rstrip() for line in lint_formats.text(proof.findings, style=style).split("\n"))


def difference_lines(
    difference: Difference, words: Mapping[str, str], sides: tuple[str, str] = ("before", "after")
) -> Iterator[str]:
    """A difference, as lines; `words` say what is new and what is gone, `sides` which value is which."""
    what = printable(f"{difference.kind} {difference.object}")  # as migrate:allow names it
    if difference.attribute is None:
        yield f"      {what}: {words[difference.change]}"
        return
    yield f"      {what}: {difference.attribute.replace('_', ' ')}"
    for word, value in zip(sides, (difference.before, difference.after), strict=True):
        yield f"        {word:<7} {_shown(value)}"


def _shown(value: Any) -> str:
    if value is None:
        return N_("(none)")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text).replace("\n", "\n                ")


def summary(result: VerifyResult, style: Style) -> Iterator[str]:
    """What came of all, as lines."""
    cached = sum(one.status == "cached" for one in result.migrations)
    skipped = sum(one.status == "skipped" and not one.told for one in result.migrations)
    for proof in result.migrations:
        if proof.status == "cached":
            yield from finding_lines(proof, style)
    if cached:
        yield N_("{cached} of {migrations} proven before.", cached=cached, migrations=plural(len(result.migrations)))
    if skipped:
        yield N_("{skipped} not to be proven (VERIFY_AFTER).", skipped=skipped)
    if not result.migrations:
        yield N_("(no migrations)")
    yield from (style.ERROR(printable(failure)) for failure in result.django)
    yield from (style.ERROR(N_("Models: {change}", change=printable(change))) for change in result.models)
    if result.live:
        yield style.ERROR(N_("The live database differs from what its applied migrations make:"))
    for difference in result.live:
        yield from difference_lines(difference, IN_LIVE, ("made", "live"))
    if result.live_alias and not result.live:
        yield N_("Live database {database}: no difference.", database=result.live_alias)
    if result.scratch:
        yield N_("Kept: {scratch}. Drop it when you have looked.", scratch=result.scratch)
    if result.uncompared:
        yield N_("Models of {apps}: not compared, because an up part fails.", apps=", ".join(result.uncompared))
    models = "" if result.models or result.uncompared or not result.migrations else N_("Models: no difference. ")
    faults, unsafe = plural(result.faults, "fault"), plural(result.unsafe, "unsafe statement")
    yield N_("{models}{faults}, {unsafe}.", models=models, faults=faults, unsafe=unsafe)


def verify_json(result: VerifyResult, error: str | None = None) -> str:
    """The document of `migrations_verify --json`; `error` is why it ended early."""
    document = {
        "database": result.database,
        "server_version": result.server_version,
        "migrations": [
            {
                "id": str(one.id),
                "status": one.status,
                "drift": _differences(one.drift),
                "loses": list(one.loses),
                "findings": [lint_formats.finding_json(finding) for finding in one.findings or ()],
                "error": failure_json(one.error) if one.error else None,
                "duration_ms": one.duration_ms,
            }
            for one in result.migrations
        ],
        "models": [*result.django, *result.models],
        "live": _differences(result.live),
        "faults": result.faults,
    }
    ended = {} if error is None else {"error": {"message": error}}
    return json.dumps(document | ended, indent=2, ensure_ascii=False)


def _differences(found: Sequence[Difference]) -> list[dict[str, Any]]:
    return [difference._asdict() for difference in found]
