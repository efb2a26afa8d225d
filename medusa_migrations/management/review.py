"""How a review of migrations looks: as SQL with comments, as a comment of a pull request, and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from medusa_migrations.results import LintFinding, ReviewedMigration, ReviewResult

from .console import plural, printable
from .lint_formats import finding_json

# The first line of the comment, by which a bot finds the one that it wrote before.
MARKER = "<!-- medusa_migrations review -->"

# GitHub takes comments of 65,536 characters.
COMMENT_LENGTH = 60_000


def review_text(result: ReviewResult) -> str:
    """The SQL of each migration under comments that say what is to be known of it."""
    if result.script:
        return result.script
    return "\n".join("\n".join(_text(one, result)) for one in result.migrations) or "-- No migrations."


def _text(one: ReviewedMigration, result: ReviewResult) -> Iterator[str]:
    notes = [f"{one.source}: {', '.join(_remarks(one, result)) or 'no remarks'}"]
    notes += [f"loses {', '.join(one.loses)}"] if one.loses else []
    notes += [f"drops {', '.join(_kept_values(one))}"] if _kept_values(one) else []
    notes += [f"line {found.line}: {found.severity}: {found.code}: {found.message}" for found in _of(one, result)]
    notes += [f"calls {call}" for call in one.calls]
    yield from (f"-- {_line(note)}" for note in [f"{one.id} ({result.direction})", *notes])
    yield "" if one.is_python else f"{one.sql.strip()}\n"


def _remarks(one: ReviewedMigration, result: ReviewResult) -> list[str]:
    since = f" since {result.since}" if result.since else ""
    told = {
        f"{one.change}{since}": one.change is not None,
        "late: others that are newer may be applied already": one.late,
        "phase after": one.phase == "after",
        "without a transaction": not one.transactional,
        "irreversible": not one.reversible,
        "in Python": one.is_python,
    }
    return [words for words, is_so in told.items() if is_so]


def _kept_values(one: ReviewedMigration) -> list[str]:
    """What it drops that holds no values."""
    return [what for what in one.drops if what not in one.loses]


def _of(one: ReviewedMigration, result: ReviewResult) -> list[LintFinding]:
    return [finding for finding in result.findings if finding.id == one.id]


def _line(text: str) -> str:
    """`text` as one line, which no comment mark can leave."""
    return printable(" ".join(text.split()))


def review_markdown(result: ReviewResult) -> str:
    """A comment for a pull request, which a bot finds again by its first line; nothing in it is taken for markup.

    What is too long for a comment is left out, and said so.
    """
    text = "\n".join([MARKER, _heading(result), *_table(result.migrations, result), *_rest(result)])
    left_out = 0
    for one in result.migrations:
        details = _details(one, result)
        if len(text) + len(details) > COMMENT_LENGTH:
            left_out += 1
        else:
            text += details
    if left_out:
        text += f"\nThe SQL of {plural(left_out)} is too long for a comment: see `migrations_sql`.\n"
    return text


def _heading(result: ReviewResult) -> str:
    if not result.migrations:
        return "### SQL migrations\n\nNone is new or changed."
    parts = "down parts" if result.direction == "down" else "up parts"
    return f"### SQL migrations: {len(result.migrations)} to review ({parts}, in the order in which they run)\n"


def _table(migrations: Sequence[ReviewedMigration], result: ReviewResult) -> Iterator[str]:
    if migrations:
        yield "| migration | parts | what is lost | remarks |\n|---|---|---|---|"
    length = 0
    for number, one in enumerate(migrations):
        row = _row(one, result)
        length += len(row)
        if length > COMMENT_LENGTH // 2:
            yield f"\n{plural(len(migrations) - number, 'more migration')}: see `migrations_sql`."
            return
        yield row


def _row(one: ReviewedMigration, result: ReviewResult) -> str:
    parts = "up, down" if one.reversible else "up"
    lost = ", ".join(map(_code, one.loses))
    remarks = [_plain(words) for words in _remarks(one, result)]
    remarks += [f"drops {', '.join(map(_code, _kept_values(one)))}"] if _kept_values(one) else []
    found = _of(one, result)
    remarks += [f"lint: {', '.join(sorted({_plain(finding.code) for finding in found}))}"] if found else []
    return f"| {_code(str(one.id))} | {parts} | {lost} | {'; '.join(remarks)} |"


def _rest(result: ReviewResult) -> Iterator[str]:
    """What stands under the table: findings, and files that are gone."""
    lines = [
        f"- {_code(f'{one.file}:{one.line}')} **{one.severity}** {_plain(one.code)}: {_plain(one.message)}"
        for one in result.findings
    ]
    lines += [f"- {_code(path)} is gone: where it is applied, it stays applied." for path in result.removed]
    if lines:
        yield ""
        yield from lines[:50]
        yield f"- {len(lines) - 50} more" if len(lines) > 50 else ""


def _details(one: ReviewedMigration, result: ReviewResult) -> str:
    """The part itself, folded away, in a fence that is longer than any run of backticks in it."""
    text = printable(one.sql.strip("\n"))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    calls = "".join(f"- {_code(call)}\n" for call in one.calls)
    language = "python" if one.is_python else "sql"
    return (
        f"\n<details><summary>{_code(str(one.id))} ({result.direction})</summary>\n\n"
        f"{calls}\n{fence}{language}\n{text}\n{fence}\n\n</details>\n"
    )


def _code(text: str) -> str:
    return f"<code>{_plain(text)}</code>"


def _plain(text: str) -> str:
    """`text` in one line, with all that Markdown or HTML could take for something else as character references."""
    return re.sub(r"[^\w\s.,/()-]|_", lambda found: f"&#{ord(found[0])};", _line(text))


def review_json(result: ReviewResult) -> str:
    """The document of `migrations_sql --format json`."""
    document: dict[str, Any] = {
        "direction": str(result.direction),
        "since": result.since,
        "migrations": [
            {
                "id": str(one.id),
                "file": one.source,
                "change": one.change,
                "late": one.late,
                "phase": one.phase,
                "transaction": one.transactional,
                "reversible": one.reversible,
                "drops": list(one.drops),
                "loses": list(one.loses),
                "calls": list(one.calls),
                "sql": one.sql,
            }
            for one in result.migrations
        ],
        "removed": list(result.removed),
        "findings": [finding_json(one) for one in result.findings],
        "script": result.script or None,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
