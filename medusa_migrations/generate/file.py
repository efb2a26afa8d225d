"""A draft as a migration file: its text and its name."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from .compare import Change
from .draft import Draft
from .phases import DraftStatement
from .tables import Column, Constraint, Index, Table

_WIDTH = 100
_NAME_LENGTH = 50

_FINDINGS = (
    "A comment that begins with a code, such as `scan:`, is what migrations_lint finds in the statement below it. For "
    "a table that is large and in use that command prints a safe way, for migrations of your own."
)


def file_text(
    label: str,
    draft: Draft,
    depends: Iterable[str],
    keep: Iterable[str] = (),
    drops: Iterable[object] = (),
    *,
    option: str = "",
    phase: str = "",
) -> str:
    """The text of the migration file for a draft of the app with the label `label`.

    `depends` and `drops` are ids and `keep` globs for its header, and `phase` is there if it has to be named. `option`
    goes behind both markers. What loses data, what somebody should look at and what lint calls an error stands as a
    comment above its statement.
    """
    header = [f"-- Generated from the models of {label}. Read it before you run it."]
    header += [f"-- migrate:depends {id_}" for id_ in depends]
    header += [f"-- migrate:keep {glob}" for glob in keep]
    header += [f"-- migrate:drops {id_}" for id_ in drops]
    header += [f"-- migrate:phase {phase}"] if phase else []
    up = _part_text(draft.up)
    if any(one.findings for one in (*draft.up, *draft.down)):
        up = f"{_remark(_FINDINGS)}\n\n{up}"
    if draft.offered:
        up = f"{_offers(draft)}\n\n{up}"
    parts = f"-- migrate:up{option}\n{up}\n\n-- migrate:down{option}\n{_part_text(draft.down)}\n"
    return "\n".join(header) + f"\n\n{parts}"


def _part_text(statements: Sequence[DraftStatement]) -> str:
    return "\n\n".join(_block(statement) for statement in statements)


def _block(statement: DraftStatement) -> str:
    remarks = [f"LOSES DATA: {statement.loses}."] if statement.loses else []
    remarks += [statement.note] if statement.note else []
    remarks += statement.findings
    allowed = f"-- migrate:allow {statement.allows}\n" if statement.allows else ""
    return "".join(f"{_remark(text)}\n" for text in remarks) + f"{allowed}{statement.sql};"


def _remark(text: str) -> str:
    return "\n".join(f"-- {line}" for line in textwrap.wrap(text, _WIDTH, break_long_words=False))


def _offers(draft: Draft) -> str:
    lines = ["If something was renamed, generate again with the option, and its rows are kept:"]
    return "\n".join([*map(_remark, lines), *(f"--   --rename {rename}" for rename in draft.offered)])


def derived_name(draft: Draft) -> str:
    """A name for a migration file that tells what a draft does: its first two changes, and that there are more."""
    telling = [change for change in draft.changes if not isinstance(change.thing, Index | Constraint)]
    words = [_slug(f"rename {rename.table or ''} {rename.old}") for rename in draft.renames]
    words = list(dict.fromkeys(words + [_name_of_change(change) for change in telling or draft.changes]))
    name = "_and_".join(words[:2]) + ("_and_more" if len(words) > 2 else "")
    return name if len(name) <= _NAME_LENGTH else f"{words[0][: _NAME_LENGTH - 9].rstrip('_')}_and_more"


def _name_of_change(change: Change) -> str:
    verb = {"create": "add", "drop": "remove", "alter": "alter", "rename": "rename", "validate": "validate"}[change.op]
    match change.thing:
        case Table():
            words = f"{'create' if change.op == 'create' else 'drop' if change.op == 'drop' else verb} {change.table}"
        case Column(name=name):
            words = f"{verb} {change.table} {name}"
        case Constraint() | Index():
            words = f"alter {change.table} keys"
    return _slug(words)


def _slug(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
