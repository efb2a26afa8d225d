"""How the findings of lint look: in a terminal, as JSON, as annotations of GitHub, and as SARIF."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from django.core.management.color import Style, no_style

from medusa_migrations.errors import Location
from medusa_migrations.messages import N_
from medusa_migrations.migration import Severity
from medusa_migrations.results import LintFinding, LintResult

from .console import failure_json, printable


class Rule(NamedTuple):
    """What a code stands for: in a line, and as help for who meets it. `severity` is its findings' by default."""

    severity: Severity
    title: str
    help: str


RULES = {
    "rewrite": Rule(
        "error",
        N_("A table is written anew"),
        N_(
            "All rows are copied into a new file under ACCESS EXCLUSIVE: reads and writes wait until that is done. "
            "Add a new column beside the old one, fill it in batches, and change over to it."
        ),
    ),
    "index-build": Rule(
        "error",
        N_("An index is built while writes wait"),
        N_(
            "Build it with CREATE INDEX CONCURRENTLY in a part with transaction:false; a constraint then takes it over "
            "with USING INDEX."
        ),
    ),
    "scan": Rule(
        "error",
        N_("All rows are read while others wait"),
        N_(
            "Add the constraint as NOT VALID, which reads nothing, and VALIDATE CONSTRAINT it in a transaction of its "
            "own, which reads the rows while writes go on."
        ),
    ),
    "held": Rule(
        "error",
        N_("Long work goes on while a table is locked"),
        N_(
            "An earlier statement of the same transaction has locked a table, and nobody can use it until the end. "
            "Put the long work into a migration of its own, or before that statement."
        ),
    ),
    "required-column": Rule(
        "error",
        N_("A new column is required, and rows have no value for it"),
        N_("It fails on a table that has rows. Give it a DEFAULT, or add it without NOT NULL and fill it first."),
    ),
    "insert-breaks": Rule(
        "warning",
        N_("Code that runs now cannot insert rows any more"),
        N_(
            "A new column is NOT NULL and has no default in the database, and running code does not know it. Keep a "
            "DEFAULT until the new code is everywhere."
        ),
    ),
    "drop-table": Rule(
        "warning",
        N_("A table is dropped that running code may use"),
        N_("Drop it in a release after the one whose code does without it."),
    ),
    "drop-column": Rule(
        "warning",
        N_("A column is dropped that running code may use"),
        N_("Drop it in a release after the one whose code does without it: Django selects every column of its models."),
    ),
    "rename-table": Rule(
        "warning",
        N_("A table is renamed that running code may use"),
        N_("Code that runs now looks for the old name. Leave a view of that name, or rename while nothing runs."),
    ),
    "rename-column": Rule(
        "warning",
        N_("A column is renamed that running code may use"),
        N_("Code that runs now looks for the old name. Add a column beside it, fill it, and drop the old one later."),
    ),
    "bulk-update": Rule(
        "error",
        N_("All rows of a table are changed in one transaction"),
        N_(
            "Every row stays locked until the end, and the table doubles. Change them in batches: schema.backfill of a "
            "migration in Python does."
        ),
    ),
    "loss": Rule(
        "error",
        N_("All rows of a table go"),
        N_("TRUNCATE locks the table against reads too, and its rows are gone. See that nobody needs what is in it."),
    ),
    "unused-allow": Rule(
        "error",
        N_("A migrate:allow lets nothing pass"),
        N_("It would hide what comes later. Correct its code or its table, or take it out."),
    ),
    "unreadable": Rule(
        "note",
        N_("A statement was not looked at"),
        N_(
            "squawk cannot read it. migrations_lint without --static runs it in a scratch database and sees what it "
            "does."
        ),
    ),
}


def text(findings: Sequence[LintFinding], sources: Mapping[str, str] = {}, style: Style | None = None) -> str:
    """`findings` for a terminal: the place, the line with a caret, and the safe way.

    `sources` are the texts of files by their paths; where one is not there, the statement stands for the line.
    """
    style = style or no_style()
    return "\n".join(line for one in findings for line in _lines(one, sources, style))


def _lines(finding: LintFinding, sources: Mapping[str, str], style: Style) -> Iterator[str]:
    colour = style.ERROR if finding.severity == "error" else style.WARNING
    place = f"{finding.file}:{finding.line}:{finding.column}"
    grave = "" if finding.severity == "error" else f" ({finding.severity})"
    size = "" if finding.bytes is None else f" ({_size(finding)})"
    yield f"{printable(place)}: {colour(finding.code + grave)}: {printable(finding.message)}{size}"
    yield printable(_excerpt(finding, sources))
    if finding.instead:
        yield N_("  Instead:")
        yield from (f"     {line}".rstrip() for line in printable(finding.instead).splitlines())


def _size(finding: LintFinding) -> str:
    """The size of the largest table, as `12.4 M rows, 3.4 GB`."""
    size = _short(finding.bytes or 0, 1024, "B kB MB GB TB")
    if finding.rows is None:
        return N_("rows never counted, {size}", size=size)
    return N_("{count} rows, {size}", count=_short(finding.rows, 1000, " k M G"), size=size)


def _short(number: float, step: int, units: str) -> str:
    names = units.split(" ")
    while number >= step and len(names) > 1:
        number /= step
        names.pop(0)
    shown = f"{number:.1f}" if number < 100 and number != int(number) else f"{number:.0f}"
    return f"{shown} {names[0]}".rstrip()


def _excerpt(finding: LintFinding, sources: Mapping[str, str]) -> str:
    """The line of the finding with its caret; that of the statement where the text of the file is not known."""
    lines = sources.get(finding.file, "").split("\n")
    line = lines[finding.line - 1].rstrip() if finding.line <= len(lines) else ""
    if line:
        return Location(finding.file, finding.line, finding.column, line).excerpt()
    return Location(finding.file, finding.line, 1, finding.statement.partition("\n")[0]).excerpt()


def finding_json(finding: LintFinding) -> dict[str, Any]:
    """A finding as every document has it."""
    return finding._asdict() | {
        "id": str(finding.id),
        "part": str(finding.part),
        "tables": list(finding.tables),
    }


def lint_json(result: LintResult, error: str | None = None) -> str:
    """The document of `migrations_lint --format json`; `error` is why it ended early."""
    document: dict[str, Any] = {
        "findings": [finding_json(one) for one in result.findings],
        "errors": result.errors,
    }
    if result.failed:
        document["failed"] = [failure_json(one) for one in result.failed]
    if error is not None:
        document["error"] = {"message": error}
    return json.dumps(document, indent=2, ensure_ascii=False)


_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def github(findings: Sequence[LintFinding], folder: str = "") -> str:
    """`findings` as workflow commands, which GitHub shows beside the lines of a pull request.

    `folder` is where the project is in the repository, as `backend`; empty for its root.
    """
    return "\n".join(_command(one, folder) for one in findings)


def _command(finding: LintFinding, folder: str) -> str:
    properties = {
        "file": _in_repository(finding, folder),
        "line": str(finding.line),
        "col": str(finding.column),
        "title": f"{finding.code}: {RULES[finding.code].title}" if finding.code in RULES else finding.code,
    }
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = f"{finding.message}\nInstead:\n{finding.instead}" if finding.instead else finding.message
    return f"::{_GITHUB[finding.severity]} {given}::{_data(message)}"


def _data(value: str) -> str:
    """A message as a workflow command has it (@actions/core, command.ts: escapeData)."""
    return printable(value.replace("\r\n", "\n")).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def _in_repository(finding: LintFinding, folder: str) -> str:
    return f"{folder.strip('/')}/{finding.file}" if folder.strip("/.") else finding.file


def sarif(findings: Sequence[LintFinding], folder: str = "", version: str = "") -> str:
    """`findings` as a SARIF 2.1.0 log, for code scanning.

    `folder` is as for `github`, and `version` is this package's.
    """
    codes = sorted({one.code for one in findings} | RULES.keys())
    driver: dict[str, Any] = {"name": "medusa_migrations", "rules": [_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver | ({"version": version} if version else {})},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, codes.index(one.code), folder) for one in findings],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False)


_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def _rule(code: str) -> dict[str, Any]:
    rule = RULES.get(code) or Rule("warning", code, code)
    return {
        "id": code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.title},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: LintFinding, index: int, folder: str) -> dict[str, Any]:
    instead = f"\nInstead:\n{finding.instead}" if finding.instead else ""
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "snippet": {"text": finding.statement},
    }
    place = {"artifactLocation": {"uri": quote(_in_repository(finding, folder))}, "region": region}
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": finding.message + instead},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"statement/v1": _fingerprint(finding)},
    }


def _fingerprint(finding: LintFinding) -> str:
    """The same for the same finding when lines above it come or go."""
    what = [str(finding.id), finding.part, finding.code, " ".join(finding.statement.split())]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()
