"""TypeORM, and Medusa, which is built on it: classes whose methods `up` and `down` send strings of SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from medusa_migrations.migration import FEATURE, Direction, timestamp_problem
from medusa_migrations.results import ImportPlace

from .draft import Chunk, Converted, Draft, Text, stop
from .javascript import Token, closing, literal, statements, tokens
from .names import of_digits
from .parts import closed, part, unwrapped
from .tool import Applied, HistoryTable, Tool

_SUFFIXES = (".ts", ".js", ".mts", ".mjs", ".cts", ".cjs")

# A class is named with what it does and milliseconds since 1970; one of Medusa's modules, with a moment.
_MILLISECONDS = re.compile(r"[0-9]{13}$")
_MOMENT = re.compile(r"20[0-9]{12}$")
_NUMBER_OF_FILE = re.compile(r"^[0-9]{13,14}|[0-9]{13,14}$")
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_METHODS = {Direction.UP: "up", Direction.DOWN: "down"}
_SENDS = {"query", "addSql"}
# Behind the SQL; the second is what prettier makes of the first, and the third what TypeORM wrote until 0.2.
_ENDS = ([")"], [",", ")"], [",", "undefined", ")"])
_DECLARES = {"const", "let", "var"}

_CODE = "this is code and no string of SQL: write what it does in SQL."
_FLAG = "it runs only while a feature is on, which is named by code: add a line `-- migrate:feature NAME`."
_UNNAMED = "the name of the class {} does not end with a timestamp of 13 digits: not imported."
_UNKNOWN = (
    "no class with a method up is recognised here: not imported. If it is compiled, import what it was compiled from."
)


class _Class(NamedTuple):
    """A class with a method `up`: its name as the history has it, and all of its tokens."""

    name: str
    tokens: list[Token]


def convert(texts: Sequence[Text]) -> Converted:
    """Its classes in the order of the numbers in their names."""
    drafts: list[Draft] = []
    places: list[ImportPlace] = []
    for text in texts:
        found = tokens(text.text) if _is_own(text) else []
        classes = list(_classes(found))
        named = [one for one in classes if _version(one.name)]
        if _is_own(text) and not classes:
            places.append(text.place(1, _UNKNOWN))
        places += [text.place(1, _UNNAMED.format(one.name)) for one in classes if one not in named]
        drafts += [_draft(text, one, found) for one in named]
    return Converted(tuple(sorted(drafts, key=_order)), tuple(places))


def _order(draft: Draft) -> tuple[float, str]:
    """By milliseconds, which a moment alone does not have."""
    version = _version(draft.key)
    assert draft.moment is not None  # `_version` is one
    return (int(version) if len(version) == 13 else draft.moment.timestamp() * 1000), draft.key


def _version(name: str) -> str:
    """The number that a name ends with, as TypeORM takes it, or the moment, as MikroORM does; "" for neither."""
    moment, milliseconds = _MOMENT.search(name), _MILLISECONDS.search(name)
    if moment and not timestamp_problem(moment[0]):
        return moment[0]
    return milliseconds[0] if milliseconds else ""


def _is_code(text: Text) -> bool:
    return text.name.endswith(_SUFFIXES) and not text.name.endswith((".d.ts", ".d.mts", ".d.cts"))


def _is_own(text: Text) -> bool:
    return _is_code(text) and bool(re.search(r"queryRunner|QueryRunner|MigrationInterface|addSql", text.text))


def _classes(found: list[Token]) -> Iterator[_Class]:
    for index, token in enumerate(found):
        if token.text != "class" or (index and found[index - 1].text == "."):
            continue
        opening = next((at for at in range(index, len(found)) if found[at].text == "{"), None)
        if opening is None:
            continue
        inner = found[opening : closing(found, opening) + 1]
        if _body(inner, "up") is not None:
            after = found[index + 1].text
            name = _assigned(inner, "name")
            yield _Class(name.value if name and name.value else after, inner)


def _assigned(inner: list[Token], name: str) -> Token | None:
    """What the class, or its constructor, gives its property `name`."""
    for index in range(1, len(inner) - 4):
        before, typed = inner[index - 1].text, 2 if inner[index + 1].text == ":" else 0
        is_property = before not in _DECLARES and (before != "." or inner[index - 2].text == "this")
        if inner[index].text == name and inner[index + 1 + typed].text == "=" and is_property:
            return inner[index + 2 + typed]
    return None


def _body(inner: list[Token], method: str) -> list[Token] | None:
    """The tokens of a method's body, None where the class does not have it."""
    for index in range(1, len(inner) - 1):
        if inner[index].text == method and inner[index + 1].text == "(" and inner[index - 1].text != ".":
            end = closing(inner, index + 1)
            opening = next((at for at in range(end, len(inner)) if inner[at].text in ("{", ";")), None)
            if opening is not None and inner[opening].text == "{":
                return inner[opening + 1 : closing(inner, opening)]
    return None


def _draft(text: Text, found: _Class, all_tokens: list[Token]) -> Draft:
    version = _version(found.name)
    transaction = _assigned(found.tokens, "transaction")
    header, places = _feature(text, all_tokens)
    chunks = list(header)
    for direction, method in _METHODS.items():
        body = _body(found.tokens, method)
        if body is not None:
            made, marked = _sql(text, body)
            is_single = transaction is None or transaction.text != "false"
            chunks += part(direction, made, transaction=is_single)
            places += marked
    title = _title(text, found.name.removesuffix(version))
    return Draft(found.name, text.path, title, of_digits(version), tuple(chunks), tuple(places))


def _title(text: Text, title: str) -> str:
    """What the class does, in words; one whose name is but a number has it from its file."""
    if title.strip("_-").lower() in ("", "migration"):
        title = _NUMBER_OF_FILE.sub("", text.name.partition(".")[0]).strip("_-") or "migration"
    return _CAPITAL.sub("_", title).lower()


def _feature(text: Text, found: list[Token]) -> tuple[list[Chunk], list[ImportPlace]]:
    """What Medusa's `featureFlag` of the file says: a line for the header, or a place."""
    for index in range(len(found) - 2):
        if found[index].text == "featureFlag" and found[index + 1].text == "=":
            value = found[index + 2].value
            if value and FEATURE.fullmatch(value):
                return [Chunk(f"-- migrate:feature {value}\n")], []
            if found[index + 2].text not in ("void", "undefined"):
                return [], [_place(text, found[index], _FLAG)]
    return [], []


def _sql(text: Text, body: list[Token]) -> tuple[list[Chunk], list[ImportPlace]]:
    """The statements of a method as SQL, with a stop for each that is something else."""
    chunks: list[Chunk] = []
    places: list[ImportPlace] = []
    constants: dict[str, Token] = {}
    for one in statements(body, text.text):
        if sent := _sent(one, constants):
            chunks.append(_chunk(text, *sent))
        elif declared := _declared(one):
            constants |= declared
        elif [token.text for token in one] != ["return"]:
            place = _place(text, one[0], _CODE)
            places.append(place)
            chunks.append(stop(place, text.text[one[0].start : one[-1].end]))
        if one[0].text == "return":
            break
    return chunks, places


def _declared(one: list[Token]) -> dict[str, Token] | None:
    """The constant that a statement declares, with its string as one token."""
    if len(one) < 4 or one[0].text not in _DECLARES or one[2].text != "=":
        return None
    value = literal(one, 3)
    if value is None or value[1] != len(one):
        return None
    return {one[1].text: one[3]._replace(value=value[0])}


def _sent(one: list[Token], constants: dict[str, Token]) -> tuple[str, Token] | None:
    """The SQL that a statement sends, and where that begins; None if it does anything else besides."""
    words = [token.text for token in one]
    at = 1 if words[0] in ("await", "return") else 0
    at += 1 if words[:2] == ["return", "await"] else 0
    while at + 1 < len(one) and words[at + 1] == ".":
        at += 2
    if at + 2 >= len(one) or at < 2 or words[at] not in _SENDS or words[at + 1] != "(":
        return None
    first = constants.get(words[at + 2])
    value = (first.value or "", at + 3) if first else literal(one, at + 2)
    if value is None or words[value[1] :] not in _ENDS:
        return None
    return value[0], first or one[at + 2]


def _chunk(text: Text, sql: str, token: Token) -> Chunk:
    line = _line(text, token) + len(sql) - len(sql.lstrip("\n"))
    return Chunk(closed(unwrapped(sql.lstrip("\n").rstrip())), text.path, line, is_value=True)


def _place(text: Text, token: Token, message: str) -> ImportPlace:
    return text.place(_line(text, token), message)


def _line(text: Text, token: Token) -> int:
    return text.text.count("\n", 0, token.start) + 1


def _read(rows: Sequence[tuple[Any, ...]], keys: Sequence[str]) -> list[Applied]:
    return [Applied(name) for (name,) in rows]


TOOL = Tool("typeorm", convert, _is_own, HistoryTable("migrations", ("name",), "id", _read))
