"""What squawk sees in the text of migrations, without a database."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from medusa_migrations.errors import LintError, locate
from medusa_migrations.files.dist import read_text
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Migration, Part, Severity
from medusa_migrations.results import LintFinding
from medusa_migrations.sql.names import without_escapes
from medusa_migrations.sql.scanner import Statement, split
from medusa_migrations.sql.tokens import is_name, tokens

from .severity import severity_in


class _Rule(NamedTuple):
    """What a rule of squawk is here; `lock` is the mode in which the statement locks its table."""

    code: str
    severity: Severity
    lock: str


_EXCLUSIVE = "ACCESS EXCLUSIVE"

# Of squawk's rules those that are about locks and running code; its set moves, and others are a matter of taste, or of
# what the runner sees to. Whether a type can be changed without writing the table anew only the catalog knows.
_RULES = {
    "require-concurrent-index-creation": _Rule("index-build", "error", "SHARE"),
    "require-concurrent-reindex": _Rule("index-build", "error", "SHARE"),
    "disallowed-unique-constraint": _Rule("index-build", "error", _EXCLUSIVE),
    "adding-serial-primary-key-field": _Rule("index-build", "error", _EXCLUSIVE),
    "changing-column-type": _Rule("rewrite", "warning", _EXCLUSIVE),
    "adding-field-with-default": _Rule("rewrite", "error", _EXCLUSIVE),
    "constraint-missing-not-valid": _Rule("scan", "error", _EXCLUSIVE),
    "adding-foreign-key-constraint": _Rule("scan", "error", "SHARE ROW EXCLUSIVE"),
    "adding-not-nullable-field": _Rule("scan", "error", _EXCLUSIVE),
    "adding-required-field": _Rule("required-column", "error", _EXCLUSIVE),
    "ban-drop-table": _Rule("drop-table", "warning", _EXCLUSIVE),
    "ban-drop-column": _Rule("drop-column", "warning", _EXCLUSIVE),
    "renaming-table": _Rule("rename-table", "warning", _EXCLUSIVE),
    "renaming-column": _Rule("rename-column", "warning", _EXCLUSIVE),
}

# The oldest server that this app runs on: what its older ones locked is nobody's concern.
_SERVER = "14"


# How often statements that squawk cannot read are taken out, each time with what that has brought to light.
_ROUNDS = 5


class _Looked(NamedTuple):
    """A part that squawk looks at, in the `text` of its file; `statements` have their places in that."""

    migration: Migration
    direction: Direction
    text: str
    statements: tuple[Statement, ...]

    def shown(self, unread: Collection[Statement]) -> str:
        """The statements alone, at their places in the file, without those of `unread` and without the rows of COPY."""
        shown, at = "", 0
        for one in self.statements:
            if one not in unread:
                shown += _blank(self.text[at : one.start]) + self.text[one.start : one.end] + ";"
                at = one.end + 1
        return shown

    def offset(self, line: int, column: int, unread: Collection[Statement]) -> int:
        """Where in the file a place is that squawk tells: both from 0, and the column in bytes."""
        lines = self.shown(unread).split("\n")
        before = "\n".join(lines[:line])
        return len(before) + bool(line) + len(lines[line].encode()[:column].decode(errors="ignore"))

    def statement_at(self, offset: int) -> Statement | None:
        """The statement that is there, or that ends before."""
        return next((one for one in reversed(self.statements) if one.start <= offset), None)


def static(migrations: Sequence[Migration]) -> list[LintFinding]:
    """What squawk finds in both parts of `migrations`, in their order; those in Python are left out.

    A statement that squawk cannot read is a note, and the others are looked at all the same.
    Raises LintError if squawk is not installed or fails, DistError for a file that is not what was read.
    """
    program = _program()
    found: list[LintFinding] = []
    in_transaction: list[_Looked] = []
    others: list[_Looked] = []
    for looked, transaction in _parts(migrations):
        (others if transaction is False else in_transaction).append(looked)
    found += _found(program, in_transaction, "--assume-in-transaction")
    found += _found(program, others, "--no-assume-in-transaction")
    order = {one.id: number for number, one in enumerate(migrations)}
    return sorted(found, key=lambda one: (order[one.id], one.line, one.column))


def _program() -> str:
    beside = shutil.which("squawk", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("squawk")
    if not found:
        raise LintError(
            N_(
                "squawk is not installed, which looks at SQL without a database. Install it: pip install squawk-cli, "
                "or leave --static out: then the migrations are run in a scratch database and what they do is seen."
            )
        )
    return found


def _parts(migrations: Sequence[Migration]) -> Iterator[tuple[_Looked, bool | None]]:
    """The parts with statements, each with what it says of transactions.

    Not the up parts of baselines, which run in new databases only, where no table is in use.
    """
    for migration in migrations:
        text = "" if migration.is_python else read_text(migration)
        for direction in Direction if text else ():
            is_left_out = migration.baseline and direction is Direction.UP
            part = None if is_left_out else migration.part(direction)
            statements = tuple(_statements(part, text)) if part else ()
            if part and statements:
                yield _Looked(migration, direction, text, statements), part.transaction


def _statements(part: Part, text: str) -> Iterator[Statement]:
    for piece in sorted(part.pieces):
        for one in split(text[piece.start : piece.end]):
            yield replace(one, start=one.start + piece.start, end=one.end + piece.start)


def _found(program: str, parts: Sequence[_Looked], option: str) -> Iterator[LintFinding]:
    """The findings in `parts`; statements that squawk cannot read are taken out, one round after the other."""
    todo: dict[_Looked, frozenset[Statement]] = dict.fromkeys(parts, frozenset())
    for _ in range(_ROUNDS):
        again: dict[_Looked, frozenset[Statement]] = {}
        for looked, told in _asked(program, todo, option).items():
            unread = todo[looked]
            places = [looked.offset(one["line"], one["column"], unread) for one in told]
            errors = [looked.statement_at(at) for at, one in zip(places, told, strict=True) if _is_error(one)]
            if errors:
                again[looked] = unread | {one for one in errors if one}
                continue
            yield from (_unreadable(looked, one) for one in unread)
            yield from _findings(looked, zip(told, places, strict=True))
        todo = again
    for looked in todo:  # what cannot be told apart
        yield from (_unreadable(looked, one) for one in looked.statements)


def _is_error(told: Mapping[str, Any]) -> bool:
    return bool(told["rule_name"] == "syntax-error")


def _asked(
    program: str, todo: Mapping[_Looked, Collection[Statement]], option: str
) -> dict[_Looked, list[dict[str, Any]]]:
    """What squawk tells of each part, as its JSON has it."""
    if not todo:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for number, (looked, unread) in enumerate(todo.items()):
            names[f"{number}.sql"] = looked
            Path(folder, f"{number}.sql").write_text(looked.shown(unread), newline="")
        # A file of settings of the user's is not looked for: which rules count is said here.
        Path(folder, "settings.toml").touch()
        command = [program, "--reporter=json", f"--pg-version={_SERVER}", "--config=settings.toml", option, "*.sql"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    found: dict[_Looked, list[dict[str, Any]]] = {looked: [] for looked in todo}
    try:
        for one in json.loads(done.stdout):
            found[names[Path(one["file"]).name]].append(one)
    except (ValueError, KeyError, TypeError):
        ended = N_("it ended with {status}", status=done.returncode)
        said = done.stderr.decode(errors="replace").strip() or ended
        raise LintError(N_("squawk failed: {said}\nInstall the newest: pip install -U squawk-cli", said=said)) from None
    return found


def _findings(looked: _Looked, told: Iterable[tuple[Mapping[str, Any], int]]) -> Iterator[LintFinding]:
    """The findings of one part, each code once a statement."""
    seen = set()
    for one, at in sorted(told, key=lambda pair: pair[1]):
        statement = looked.statement_at(at)
        rule = _rule(one["rule_name"], looked.text[at : statement.end]) if statement else None
        if statement and rule and (statement.start, rule.code) not in seen:
            seen.add((statement.start, rule.code))
            message = " ".join(filter(None, [one["message"], one["help"]])).replace("`", "")
            yield _finding(looked, statement, at, rule, message)


def _rule(name: str, action: str) -> _Rule | None:
    """What a rule of squawk is, None where it does not count; `action` is the text from where squawk points."""
    words = [token.upper() for token in tokens(action)]
    if name == "constraint-missing-not-valid" and {"UNIQUE", "PRIMARY"} & set(words):
        return None  # it cannot be NOT VALID, and has a rule of its own
    if name == "constraint-missing-not-valid" and "EXCLUDE" in words:
        return _RULES["disallowed-unique-constraint"]
    if name == "adding-foreign-key-constraint" and words[:1] == ["REFERENCES"]:
        return None  # of a new column, which has no values to look up
    return _RULES.get(name)


def _unreadable(looked: _Looked, statement: Statement) -> LintFinding:
    rule = _Rule("unreadable", "note", "")
    message = N_("squawk cannot read this statement: it was not looked at.")
    return _finding(looked, statement, statement.start, rule, message)


def _finding(looked: _Looked, statement: Statement, at: int, rule: _Rule, message: str) -> LintFinding:
    migration, text = looked.migration, looked.text
    place = locate(migration.source, text, at)
    sql = text[statement.start : statement.end]
    return LintFinding(
        migration.id,
        looked.direction,
        rule.code,
        severity_in(migration, looked.direction, rule.code, rule.severity),
        migration.source,
        place.line,
        place.column or 1,
        sql,
        message,
        lock=rule.lock or None,
        tables=tuple(_tables(sql)) if rule.lock else (),
    )


def _tables(sql: str) -> Iterator[str]:
    """The tables that an ALTER, CREATE INDEX, DROP or REINDEX names."""
    written = without_escapes(tokens(sql))
    words = [token.upper() for token in written]
    word = "ON" if words[0] == "CREATE" else "TABLE"
    at = words.index(word) + 1 if word in words else len(words)
    while words[at : at + 1] and words[at] in {"IF", "EXISTS", "ONLY", "CONCURRENTLY"}:
        at += 1
    name = ""
    for token in [*written[at:], ""]:
        if token == "." or (token and is_name(token) and name[-1:] in {"", "."}):
            name += token
            continue
        if name:
            yield name
        name = ""
        if token != ",":
            return


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
