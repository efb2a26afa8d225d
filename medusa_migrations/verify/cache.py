"""What is proven already: `verified.json` beside the build, which CI keeps from one run to the next."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from medusa_migrations import conf
from medusa_migrations.conf import shown_path
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import LintFinding

NAME = "verified.json"


class Known(NamedTuple):
    """A migration that was proven: `key` is the checksum of what that rests on, `file` that of its file.

    The rest is as in its Proof.
    """

    key: str
    file: str = ""
    loses: tuple[str, ...] = ()
    findings: tuple[LintFinding, ...] | None = None


class Proven(NamedTuple):
    """What was proven: the migrations, and by `everything` the checksum of all at once, the models too, else empty."""

    known: Mapping[MigrationId, Known] = MappingProxyType({})
    everything: str = ""


def section(alias: str, *, with_rows: bool) -> str:
    """The name under which the proofs with the database `alias` are kept; those with rows prove more."""
    return f"{alias} with rows" if with_rows else alias


def path() -> Path:
    """Where it is kept: beside DIST_DIR."""
    return conf.get_settings().dist_dir.parent / NAME


def load(section: str) -> Proven:
    """What was proven before in `section`: a database, with rows or without; nothing if that cannot be read."""
    try:
        found = _document(path())[section]
        known = {MigrationId._make(id_.split(".", 1)): _known(entry) for id_, entry in found["proven"].items()}
        return Proven(known, str(found["everything"]))
    except (KeyError, TypeError, AttributeError, ValueError):
        return Proven()


def findings_in(section: str) -> dict[tuple[MigrationId, str], tuple[LintFinding, ...]]:
    """What lint has found, by the id of the migration and the hash of its file as it was then."""
    return {(id_, known.file): known.findings for id_, known in load(section).known.items() if known.findings}


def save(section: str, proven: Proven) -> str | None:
    """Keep what was proven in `section`; a sentence if that is not possible."""
    target = path()
    known = {str(id_): _entry(one) for id_, one in proven.known.items()}
    document = _document(target) | {section: {"everything": proven.everything, "proven": known}}
    temporary = target.with_name(f"{NAME}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        temporary.replace(target)
    except OSError as error:
        return N_(
            "{path} cannot be written ({reason}): what was proven will be proven again.",
            path=shown_path(target),
            reason=error.strerror,
        )
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return None


def _entry(known: Known) -> dict[str, Any]:
    findings = (
        known.findings
        if not known.findings
        else [finding._asdict() | {"id": str(finding.id)} for finding in known.findings]
    )
    return {"key": known.key, "file": known.file, "loses": known.loses, "findings": findings}


def _known(entry: Any) -> Known:
    found = entry["findings"]
    findings = None if found is None else tuple(map(_finding, found))
    return Known(str(entry["key"]), str(entry["file"]), tuple(map(str, entry["loses"])), findings)


def _finding(fields: dict[str, Any]) -> LintFinding:
    values = fields | {"id": MigrationId._make(fields["id"].split(".", 1)), "part": Direction(fields["part"])}
    return LintFinding(**values | {"tables": tuple(fields["tables"])})


def _document(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
