"""The up and the down part of an imported migration: with a transaction or without, and closed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

from medusa_migrations.files.sqlfile import DIRECTIVE
from medusa_migrations.migration import Direction
from medusa_migrations.sql.scanner import Comment, Statement, scan, split, starts_line
from medusa_migrations.sql.statements import begins_or_ends_transaction, outside_transaction
from medusa_migrations.sql.tokens import ScanError

from .draft import Chunk

_OPENS = {("BEGIN",), ("BEGIN", "WORK"), ("BEGIN", "TRANSACTION"), ("START", "TRANSACTION")}
_CLOSES = {("COMMIT",), ("COMMIT", "WORK"), ("COMMIT", "TRANSACTION"), ("END",), ("END", "TRANSACTION")}

_SEMICOLON = re.compile(r"\s*;")


def part(direction: Direction, chunks: Sequence[Chunk], *, transaction: bool = True) -> list[Chunk]:
    """A part with its marker. It runs without a transaction if that is said, and if one of its statements needs it."""
    sql = "".join(chunk.text for chunk in chunks)
    in_one = transaction and not any(outside_transaction(statement.words) for statement in statements_of(sql))
    marker = Chunk(f"-- migrate:{direction}{'' if in_one else ' transaction:false'}\n")
    return [marker, *(chunk._replace(text=without_directives(chunk.text)) for chunk in chunks)]


def without_directives(sql: str) -> str:
    """`sql` with `--|` in the place of `--` where a comment would be a directive: for another tool it is none."""
    found = (item.start for item in _items(sql) if isinstance(item, Comment) and starts_line(sql, item.start))
    for start in reversed([start for start in found if DIRECTIVE.match(sql, start)]):
        sql = f"{sql[:start]}--|{sql[start + 2 :]}"
    return sql


def _items(sql: str) -> Iterator[Statement | Comment]:
    """What a file's parts are read from, up to what cannot be read."""
    with contextlib.suppress(ScanError):
        yield from scan(sql, DIRECTIVE)


def unwrapped(sql: str) -> str:
    """`sql` without a BEGIN before all of it and a COMMIT behind it, which become comments: a part has its own."""
    statements = statements_of(sql)
    if len(statements) < 2 or not _is_wrapped(statements):
        return sql
    first, last = statements[0], statements[-1]
    if not _SEMICOLON.match(sql, first.end):
        return sql
    return f"{sql[: first.start]}{_commented(sql, first)}{sql[_end(sql, first) : last.start]}" + (
        f"{_commented(sql, last)}{sql[_end(sql, last) :]}"
    )


def closed(sql: str) -> str:
    """`sql` with a semicolon behind its last statement, and a line break at its end."""
    statements = statements_of(sql)
    if statements and not _SEMICOLON.match(sql, statements[-1].end):
        sql = f"{sql[: statements[-1].end]};{sql[statements[-1].end :]}"
    return whole_lines(sql)


def whole_lines(text: str) -> str:
    """`text` with a line break at its end."""
    return text if text.endswith("\n") or not text else f"{text}\n"


def statements_of(sql: str) -> list[Statement]:
    """The statements of `sql`; none where it cannot be split, which the check of the made file tells."""
    try:
        return split(sql)
    except ScanError:
        return []


def _is_wrapped(statements: Sequence[Statement]) -> bool:
    inner = statements[1:-1]
    return (
        statements[0].words in _OPENS
        and statements[-1].words in _CLOSES
        and not any(begins_or_ends_transaction(one.words) or outside_transaction(one.words) for one in inner)
    )


def _end(sql: str, statement: Statement) -> int:
    semicolon = _SEMICOLON.match(sql, statement.end)
    return semicolon.end() if semicolon else statement.end


def _commented(sql: str, statement: Statement) -> str:
    return f"/* {sql[statement.start : _end(sql, statement)]} */"
