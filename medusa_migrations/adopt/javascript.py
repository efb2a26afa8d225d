"""What an import reads of JavaScript and TypeScript: tokens, with the values of string literals."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    | (?P<template>`)
    | (?P<word>[\w$]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_REGULAR_EXPRESSION = re.compile(r"/(?![*/])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/\w*")
# Behind these a slash begins a regular expression, and behind anything else it divides.
_BEFORE_EXPRESSION = {"", "(", ",", "=", ":", "[", "!", "&", "|", "?", "{", "}", ";", "return", "=>"}

_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}

# How the brackets nest.
DEPTH = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}

# What a statement with a block begins with, with a condition before that, and what goes on behind one.
_BLOCKS = {"if", "for", "while", "do", "try", "switch", "function", "{"}
_CONDITIONS = {"if", "for", "while"}
_GO_ON = {"else", "catch", "finally", "while", "instanceof", "in", "of", "as"}
# Words that end no statement.
_NEEDS_MORE = {"await", "new", "const", "let", "var", "typeof", "delete", "void", "throw", "async", "else", "function"}


class Token(NamedTuple):
    """A token, `source[start:end]`; `value` is that of a string literal, None for all else.

    A template literal with an expression in it has none.
    """

    text: str
    start: int
    end: int
    value: str | None = None


def tokens(source: str) -> list[Token]:
    """The tokens of `source`, without white space and comments."""
    found: list[Token] = []
    at = 0
    while at < len(source):
        token = _token(source, at, found[-1].text if found else "")
        if token.text:
            found.append(token)
        at = token.end
    return found


def _token(source: str, at: int, before: str) -> Token:
    """The token at `at`, behind the one with the text `before`; without a text for what is none."""
    if before in _BEFORE_EXPRESSION and (expression := _REGULAR_EXPRESSION.match(source, at)):
        return Token(expression[0], at, expression.end())
    match = _TOKEN.match(source, at)
    assert match is not None  # the last alternative takes any character
    if match.lastgroup in ("space", "comment"):
        return Token("", at, match.end())
    if match.lastgroup == "template":
        end, is_plain = _template_end(source, at + 1)
        return Token(source[at:end], at, end, _value(source[at + 1 : end - 1]) if is_plain else None)
    value = _value(match[0][1:-1]) if match.lastgroup == "string" else None
    return Token(match[0], at, match.end(), value)


def _template_end(source: str, at: int) -> tuple[int, bool]:
    """Where the template literal ends whose text begins at `at`, and whether it is without expressions."""
    is_plain = True
    while at < len(source) and source[at] != "`":
        if source.startswith("${", at):
            is_plain = False
            at = _expression_end(source, at + 2)
        else:
            at += 2 if source[at] == "\\" else 1
    return min(at + 1, len(source)), is_plain


def _expression_end(source: str, at: int) -> int:
    """Where the `}` ends that closes an expression in a template literal."""
    depth, before = 1, "{"
    while at < len(source) and depth:
        token = _token(source, at, before)
        depth += {"{": 1, "}": -1}.get(token.text, 0)
        at, before = token.end, token.text or before
    return at


def _value(text: str) -> str:
    """The characters of a literal; two halves of a surrogate pair are one."""
    plain = _ESCAPE.sub(lambda escape: _character(*escape.groups()), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(braced: str | None, four: str | None, two: str | None, other: str | None) -> str:
    number = braced or four or two
    if number:
        return chr(min(int(number, 16), 0x10FFFF))
    assert other is not None  # one of the four is there
    return _ESCAPED.get(other, other)


def closing(found: list[Token], opening: int) -> int:
    """The index of the bracket that closes the one at the index `opening`, or that of the last token."""
    depth = 0
    for index in range(opening, len(found)):
        depth += DEPTH.get(found[index].text, 0)
        if depth == 0:
            return index
    return len(found) - 1


def literal(found: list[Token], at: int) -> tuple[str, int] | None:
    """The value of string literals joined by `+` at the index `at`, and the index behind them; None for all else."""
    values: list[str] = []
    while at < len(found) and (value := found[at].value) is not None:
        values.append(value)
        at += 1
        if at >= len(found) or found[at].text != "+":
            return "".join(values), at
        at += 1
    return None


def statements(found: list[Token], source: str) -> Iterator[list[Token]]:
    """The statements of a function's body, each with its tokens, without semicolons between them."""
    one: list[Token] = []
    depth = 0
    for token, after in itertools.zip_longest(found, found[1:]):
        depth += DEPTH.get(token.text, 0)
        if depth or token.text != ";":
            one.append(token)
        if one and not depth and _ends(one, token, after, source):
            yield one
            one = []
    if one:
        yield one


def _ends(one: list[Token], token: Token, after: Token | None, source: str) -> bool:
    """Whether the statement `one`, which `token` is the last of or the semicolon behind, ends before `after`."""
    if token.text == ";" or after is None:
        return True
    if after.text in _GO_ON or _is_head(one):
        return False
    if token.text == "}" and one[0].text in _BLOCKS:
        return True
    may_end = token.text in (")", "]", "}") or token.value is not None or _is_word(token)
    is_new_line = "\n" in source[token.end : after.start]
    return is_new_line and may_end and token.text not in _NEEDS_MORE and _is_word(after)


def _is_head(one: list[Token]) -> bool:
    """Whether that is `if (…)` or its like, which a statement without braces follows."""
    is_condition = len(one) > 1 and one[0].text in _CONDITIONS and closing(one, 1) == len(one) - 1
    return is_condition or one[-1].text in ("else", "do", "try")


def _is_word(token: Token) -> bool:
    return token.text[0].isalnum() or token.text[0] in "_$"
