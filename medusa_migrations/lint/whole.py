"""Which statements change or empty all rows of a table, told by their words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from medusa_migrations.sql.names import folded, without_escapes
from medusa_migrations.sql.tokens import ScanError, is_name, tokens

# Where a statement may begin in the body of a DO block.
_BEGINS = {"BEGIN", "THEN", "ELSE", "LOOP"}

_MAY_BE = re.compile(r"\b(update|delete|truncate)\b", re.IGNORECASE)


class Whole(NamedTuple):
    """A statement without WHERE: its verb, UPDATE, DELETE or TRUNCATE, its table, and what UPDATE sets, as SQL."""

    verb: str
    table: tuple[str, ...]  # the parts of its name, as the catalog has them
    sets: str = ""


def whole(sql: str) -> list[Whole]:
    """The statements of `sql`, or of the DO block that it is, that change or empty whole tables.

    What a function does is not seen, nor what WITH has in parentheses. Raises ScanError.
    """
    if not _MAY_BE.search(sql):
        return []
    found = without_escapes(tokens(sql))
    match found[0].upper():
        case "DO":
            return [each for body in map(_body, found) for one in _inner(body) for each in _whole(one, "")]
        case "CREATE":
            return []  # the bodies of functions
    statements = _divided(found, {";"})
    text = sql if len(statements) == 1 else ""
    return [each for one in statements for each in _whole(one, text)]


def full_vacuum(sql: str) -> list[str] | None:
    """The tables of a VACUUM FULL as they are written, none where it goes through all; None for another VACUUM."""
    found = tokens(sql)[1:]
    words = [token.upper() for token in found]
    options = words[: words.index(")") + 1] if words[:1] == ["("] else list(itertools.takewhile(_is_option, words))
    if "FULL" not in options or (words[:1] == ["("] and _is_off("FULL", options)):
        return None
    rest = list(_outside_parentheses(found[len(options) :]))
    names = [list(group) for is_comma, group in itertools.groupby(rest, lambda token: token == ",") if not is_comma]
    return ["".join(token for token in name if token.upper() not in {"ONLY", "*", "("}) for name in names]


def _is_option(word: str) -> bool:
    return word in {"FULL", "FREEZE", "VERBOSE", "ANALYZE", "ANALYSE"}


def _is_off(option: str, words: Sequence[str]) -> bool:
    return words[words.index(option) + 1] in {"OFF", "FALSE", "0"}


def parts(name: str) -> tuple[str, ...]:
    """The parts of a name that SQL writes, as the catalog has them; a leading `public` is left out."""
    found = tuple(folded(token) for token in tokens(name) if token != ".")
    return found[1:] if len(found) > 1 and found[0] == "public" else found


def _body(token: str) -> str:
    """The text of a constant in dollar quotes or plain ones, "" for another token."""
    if token.startswith("$"):
        tag = token[: token.index("$", 1) + 1]
        return token[len(tag) : -len(tag)]
    return token[1:-1].replace("''", "'") if token.startswith("'") else ""


def _inner(body: str) -> list[list[str]]:
    """The statements of a body in PL/pgSQL, as tokens."""
    try:
        return _divided(without_escapes(tokens(body)), {";", *_BEGINS})
    except ScanError:
        return []  # it is another language


def _divided(found: Sequence[str], ends: set[str]) -> list[list[str]]:
    groups = itertools.groupby(found, lambda token: token.upper() in ends)
    return [list(group) for is_end, group in groups if not is_end]


def _whole(found: Sequence[str], sql: str) -> Iterator[Whole]:
    top = list(_outside_parentheses(found))
    words = [token.upper() for token in top]
    start = 0
    if words[:1] == ["WITH"]:
        start = next((at for at, word in enumerate(words) if word in {"UPDATE", "DELETE", "INSERT", "SELECT"}), 0)
    match words[start : start + 1]:
        case ["TRUNCATE"]:
            yield from (Whole("TRUNCATE", name) for name in _names(top[1:]))
        case ["UPDATE"] if "WHERE" not in words:
            yield from (Whole("UPDATE", name, _sets(words, sql)) for name in _names(top[start + 1 :])[:1])
        case ["DELETE"] if "WHERE" not in words:
            yield from (Whole("DELETE", name) for name in _names(top[start + 1 :])[:1])


def _outside_parentheses(found: Iterable[str]) -> Iterator[str]:
    depth = 0
    for token in found:
        depth -= token == ")"
        if not depth and token != ")":
            yield token
        depth += token == "("


def _names(found: Sequence[str]) -> list[tuple[str, ...]]:
    """The names at the start of `found`, behind key words and between commas."""
    rest = [token for token in found if token != "*"]
    names = []
    while rest:
        while rest[:1] and rest[0].upper() in {"TABLE", "FROM", "ONLY"}:
            rest.pop(0)
        end = 1
        while rest[end : end + 1] == ["."]:
            end += 2
        if not rest or not is_name(rest[0]) or rest[0].upper() == "SET":
            break
        names.append(parts("".join(rest[:end])))
        if rest[end : end + 1] != [","]:
            break
        rest = rest[end + 1 :]
    return names


def _sets(words: Sequence[str], sql: str) -> str:
    """What an UPDATE of a whole table sets, "" where that needs other tables, or cannot be found in the text."""
    found = re.search(r"\bSET\s+(.+)\Z", sql, re.IGNORECASE | re.DOTALL)
    if not found or not {"FROM", "RETURNING", "WITH"}.isdisjoint(words):
        return ""
    return " ".join(found[1].rstrip("; \n").split())
