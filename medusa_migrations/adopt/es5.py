"""What TypeScript makes of classes and of async methods for old engines, read as what they were."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from .javascript import DEPTH, Token, closing

# The tokens of an async method, with a space between them, up to the brace before its statements: those are in a
# generator, or for ES5 in steps, behind the method's variables; without steps where it waits for nothing.
_HEAD = re.compile(
    r"return __awaiter \( this , (?:void 0|arguments) , (?:void 0|Promise) , function (?:\* \( \) \{|\( \) \{ "
    r"(?:var (?P<names>[\w$ ,]+) ; )?return __generator \( this , function \( (?P<state>[\w$]+) \) \{"
    r"(?: switch \( (?P=state) \. label \) \{)?)"
)


class Function(NamedTuple):
    """A function with methods on its prototype: `tokens` are those of a class, from its brace on.

    It stands in the file from the index `start` on up to `end`. `is_value` tells that no variable has its name, and
    `extends` is the last name of the class that it is made from, "" for none.
    """

    name: Token
    start: int
    end: int
    tokens: list[Token]
    is_value: bool
    extends: str


def functions(found: list[Token]) -> Iterator[Function]:
    """Those that have a method `up`."""
    texts = [token.text for token in found]
    for index, token in enumerate(found):
        if texts[index + 1 : index + 7] == [".", "prototype", ".", "up", "=", "function"]:
            yield _function(found, texts, token)


def _function(found: list[Token], texts: list[str], name: Token) -> Function:
    start, end = texts.index(name.text), 0
    inner = [_made("{", name)]
    for at in range(len(found) - 7):
        if texts[at : at + 3] == ["function", name.text, "("]:
            start = at
            inner += found[at + 1 : _end(found, at)]
        elif texts[at : at + 4] == [name.text, ".", "prototype", "."] and texts[at + 5 : at + 7] == ["=", "function"]:
            end = _end(found, at)
            opening = next((index for index in range(closing(found, at + 7), end) if texts[index] == "{"), end)
            body = found[opening + 1 : end - 1]
            inner += [found[at + 4], *(_made(text, name) for text in "(){"), *body, _made("}", name)]
    # It is `var X = (function () {` … `; return X; }())`, and between those brackets is what it extends.
    opening = next((at for at in range(end, len(texts)) if texts[at] == "("), len(texts) - 1)
    extends = texts[closing(found, opening) - 1] if texts[opening + 1 : opening + 2] != [")"] else ""
    inner.append(_made("}", name))
    return Function(name, start - 8, end + 4, inner, texts[start - 6] != "=", extends)


def _made(text: str, near: Token) -> Token:
    return Token(text, near.start, near.start)


def _end(found: list[Token], at: int) -> int:
    """The index behind the first block from the index `at` on."""
    opening = next((index for index in range(at, len(found)) if found[index].text == "{"), len(found) - 1)
    return closing(found, opening) + 1


def plain(body: list[Token]) -> list[Token]:
    """The statements of an async method without what runs them step by step; all of it where steps are left out."""
    outer = " ".join(token.text for token in body)
    head = _HEAD.match(outer)
    if not head:
        return body
    opening = outer[: head.end()].count(" ")
    inner = body[opening + 1 : closing(body, opening)]
    if not head["state"]:
        return [token._replace(text="await") if token.text == "yield" else token for token in inner]
    return _without_steps(inner, head["state"], re.split("[ ,]+", head["names"] or "")) or body


def _without_steps(inner: list[Token], state: str, names: Collection[str]) -> list[Token] | None:
    """The statements that were made into steps, with the variables `names` where they get a value."""
    made: list[Token] = []
    for statement in _split(inner):
        step = _step(statement, state)
        if step is None:
            return None
        if len(step) > 1 and step[0].text in names and step[1].text == "=":
            made.append(_made("var", step[0]))
        made += step
    return made


def _split(found: list[Token]) -> Iterator[list[Token]]:
    """Statements, each with its semicolon."""
    one: list[Token] = []
    depth = 0
    for token in found:
        one.append(token)
        depth += DEPTH.get(token.text, 0)
        if token.text == ";" and not depth:
            yield one
            one = []
    if one:
        yield one


def _step(one: list[Token], state: str) -> list[Token] | None:
    """What a statement was before it became a step; None for a jump, or for what uses what a step has given."""
    if one[0].text == "case":
        one = one[3:]
    texts = [token.text for token in one]
    sent = [state, ".", "sent", "(", ")"]
    if texts == [*sent, ";"]:
        return []
    if texts in (["return", "[", "2", "]", ";"], ["return", "[", "2", ",", *sent, "]", ";"]):
        return [one[0], one[-1]]
    if state in texts:
        return None
    if texts[:4] == ["return", "[", "2", ","]:
        return [one[0], *one[4:-2], one[-1]]
    if texts[:4] == ["return", "[", "4", ","]:
        return [*one[4:-2], one[-1]]
    return None if "return" in texts or "case" in texts else one
