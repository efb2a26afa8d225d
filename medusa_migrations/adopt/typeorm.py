"""TypeORM, and Medusa, which is built on it: classes whose methods `up` and `down` send strings of SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from medusa_migrations.messages import N_
from medusa_migrations.migration import FEATURE, Direction, timestamp_problem
from medusa_migrations.results import ImportPlace

from . import es5
from .draft import Chunk, Converted, Draft, Text, stop
from .javascript import DEPTH, Token, closing, literal, statements, tokens
from .names import of_digits
from .parts import closed, part, unwrapped
from .tool import Applied, HistoryTable, Tool

_SUFFIXES = (".ts", ".js", ".mts", ".mjs", ".cts", ".cjs")
_SUFFIX = re.compile(r"\.[mc]?[jt]s$")

# A class is named with what it does and milliseconds since 1970; one of Medusa's modules, with a moment.
_MILLISECONDS = re.compile(r"[0-9]{13}$")
_MOMENT = re.compile(r"20[0-9]{12}$")
_NUMBER = re.compile(r"[0-9]{8,14}")
_NUMBER_OF_FILE = re.compile(r"^[0-9]{13,14}|[0-9]{13,14}$")
_WORD = re.compile(r"^_*migration(?![a-z])[_-]*", re.IGNORECASE)
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_MENTIONS = re.compile(r"queryRunner|QueryRunner|MigrationInterface|addSql|extends\s+(?:\w+\.)?Migration\b")
_METHODS = {Direction.UP: "up", Direction.DOWN: "down"}
_SENDS = {"query", "addSql"}
# Behind the SQL; the second is what prettier makes of the first, and the third what TypeORM wrote until 0.2.
_ENDS = ([")"], [",", ")"], [",", "undefined", ")"], [",", "[", "]", ")"], [",", "[", "]", ",", ")"])
_DECLARES = {"const", "let", "var"}

# Before a class that is exported in the same statement, or is a value in one: only its module can tell what becomes of
# that. And before the name of a class, where it is used within the module.
_GIVES = {"export", "default", "abstract", "=", "(", ",", "[", ":", "?", "return", "=>"}
_USES = {"extends", "new", "instanceof", "typeof"}

_CODE = N_("this is code and no string of SQL: write what it does in SQL.")
_FLAG = N_("it runs only while a feature is on, which is named by code: add a line `-- migrate:feature NAME`.")
_UNKNOWN = N_(
    "no class with a method up is recognised here: not imported. If it is compiled, import what it was compiled from."
)


class _Class(NamedTuple):
    """A class that is a migration, or looks like one: `key` is its name as the history has it, `version` the number.

    `line` is where it begins, and `tokens` are all of it from its brace on. `of_file` tells that it is MikroORM's,
    which knows it by its file, and needs no number.
    """

    key: str
    version: str
    line: int
    tokens: list[Token]
    is_exported: bool
    of_file: bool

    @property
    def problem(self) -> str:
        """Why it gives no migration, "" where it does."""
        if _body(self.tokens, "up") is None:
            return N_(
                "no method up is recognised in the class {name}: not imported. Write it there as `async "
                "up(queryRunner) {{ … }}`.",
                name=self.key,
            )
        if not (self.version or self.of_file):
            return N_(
                "the name of the class {name} does not end with a timestamp of 13 digits: not imported.", name=self.key
            )
        if self.is_exported:
            return ""
        return N_("the class {name} is not exported, so that nothing runs it: not imported.", name=self.key)

    @property
    def moment(self) -> datetime | None:
        return of_digits(self.version) if self.version else None

    @property
    def order(self) -> tuple[float, str]:
        """MikroORM sorts by names, TypeORM by milliseconds, which a moment alone does not have."""
        if self.of_file or self.moment is None:
            return 0, self.key
        return int(self.version) if len(self.version) == 13 else self.moment.timestamp() * 1000, self.key


def convert(texts: Sequence[Text]) -> Converted:
    """Its classes in the order of the numbers in their names."""
    made: list[tuple[_Class, Draft]] = []
    places: list[ImportPlace] = []
    for text in texts:
        found = tokens(text.text) if _is_own(text) else []
        classes = list(_classes(text, found))
        if _is_own(text) and not classes:
            places.append(text.place(1, _UNKNOWN))
        places += [text.place(one.line, one.problem) for one in classes if one.problem]
        made += [(one, _draft(text, one, found)) for one in classes if not one.problem]
    made.sort(key=lambda pair: pair[0].order)
    return Converted(tuple(draft for _, draft in made), tuple(places))


def _version(name: str) -> str:
    """The number that a name ends with, as TypeORM takes it, or the moment, as MikroORM does; "" for neither."""
    moment, milliseconds = _MOMENT.search(name), _MILLISECONDS.search(name)
    if moment and not timestamp_problem(moment[0]):
        return moment[0]
    return milliseconds[0] if milliseconds else ""


def _is_code(text: Text) -> bool:
    return text.name.endswith(_SUFFIXES) and not text.name.endswith((".d.ts", ".d.mts", ".d.cts"))


def _is_own(text: Text) -> bool:
    return _is_code(text) and bool(_MENTIONS.search(text.text))


def _classes(text: Text, found: list[Token]) -> Iterator[_Class]:
    """Those that have a method `up` or a number in their names, unless they are neither exported nor have a number."""
    for index, token in enumerate(found):
        opening = next((at for at in range(index, len(found)) if found[at].text == "{"), None)
        if token.text != "class" or opening is None or (index and found[index - 1].text == "."):
            continue
        end = closing(found, opening) + 1
        inner = found[opening:end]
        of_file = found[opening - 1].text == "Migration" and "extends" in [one.text for one in found[index:opening]]
        key, version = _of_file(text) if of_file else _named(found[index + 1], inner)
        is_exported = _is_exported(found, index, end)
        if version or (is_exported and _body(inner, "up") is not None):
            yield _Class(key, version, _line(text, token), inner, is_exported, of_file)
    for one in es5.functions(found):
        of_file = one.extends == "Migration"
        key, version = _of_file(text) if of_file else _named(one.name, one.tokens)
        is_exported = one.is_value or _is_used(found, one.name.text, one.start, one.end)
        if version or is_exported:
            yield _Class(key, version, _line(text, one.name), one.tokens, is_exported, of_file)


def _of_file(text: Text) -> tuple[str, str]:
    """The name by which MikroORM knows a class, and the number in it, or ""."""
    stem = text.name.rpartition(".")[0]
    number = _NUMBER.search(stem)
    return stem, number[0] if number and of_digits(number[0]) else ""


def _named(behind: Token, inner: list[Token]) -> tuple[str, str]:
    """The name by which TypeORM knows a class: its property, else what is behind `class`; and the number in that."""
    assigned = _assigned(inner, "name")
    if assigned and assigned.value:
        return assigned.value, _version(assigned.value)
    name = N_("without a name") if behind.text in ("extends", "implements", "{") else behind.text
    return name, _version(name)


def _is_exported(found: list[Token], index: int, end: int) -> bool:
    """Whether the class from the index on up to `end` leaves its module: by its statement, or by its name elsewhere."""
    return bool(index and found[index - 1].text in _GIVES) or _is_used(found, found[index + 1].text, index, end)


def _is_used(found: list[Token], name: str, start: int, end: int) -> bool:
    """Whether a name is somewhere else than between the indexes, and more is done with it than within the module."""
    elsewhere = (at for at in range(1, len(found)) if found[at].text == name and not start < at < end)
    return any(found[at - 1].text not in _USES for at in elsewhere)


def _at_top(inner: list[Token]) -> Iterator[int]:
    """The indexes of the tokens that are in the class itself, and in none of its methods."""
    depth = 0
    for index, token in enumerate(inner):
        depth += DEPTH.get(token.text, 0)
        if depth == 1:
            yield index


def _assigned(inner: list[Token], name: str) -> Token | None:
    """What the class, or its constructor, gives its property `name`."""
    properties = {index for index in _at_top(inner) if inner[index - 1].text != "."}
    for index in range(1, len(inner) - 2):
        is_of_this = inner[index - 1].text == "." and inner[index - 2].text == "this"
        if inner[index].text == name and (is_of_this or index in properties):
            equals = _behind_type(inner, index + 1)
            if equals + 1 < len(inner) and inner[equals].text == "=":
                return inner[equals + 1]
    return None


def _behind_type(inner: list[Token], at: int) -> int:
    """The index behind the type that a property has in TypeScript, as in `transaction?: boolean | undefined`."""
    if inner[at].text in ("?", "!"):
        at += 1
    while inner[at].text in (":", "|") and at + 3 < len(inner):
        at += 2
    return at


def _body(inner: list[Token], method: str) -> list[Token] | None:
    """The tokens of a method's body, None where the class does not have it."""
    for index in _at_top(inner):
        if [token.text for token in inner[index : index + 2]] == [method, "("]:
            end = closing(inner, index + 1)
            opening = next((at for at in range(end, len(inner)) if inner[at].text in ("{", ";")), None)
            if opening is not None and inner[opening].text == "{":
                return inner[opening + 1 : closing(inner, opening)]
    return None


def _draft(text: Text, found: _Class, all_tokens: list[Token]) -> Draft:
    header, places = _feature(text, all_tokens)
    chunks = list(header)
    for direction, method in _METHODS.items():
        body = _body(found.tokens, method)
        if body is not None:
            made, marked = _sql(text, es5.plain(body))
            chunks += part(direction, made, transaction=_is_transactional(found, direction))
            places += marked
    return Draft(found.key, text.path, _title(text, found), found.moment, tuple(chunks), tuple(places))


def _is_transactional(found: _Class, direction: Direction) -> bool:
    """TypeORM's `transaction` is for the way up: it undoes in a transaction. MikroORM's method is for both ways."""
    answer = _body(found.tokens, "isTransactional") or []
    if [token.text for token in answer if token.text != ";"] == ["return", "false"]:
        return False
    given = _assigned(found.tokens, "transaction")
    return direction is Direction.DOWN or given is None or given.text != "false"


def _title(text: Text, found: _Class) -> str:
    """What the class does, in words; one whose name is but a number has it from its file."""
    before, _, behind = found.key.rpartition(found.version) if found.version else ("", "", found.key)
    title = _WORD.sub("", before) + behind
    if not title.strip("_-") and not found.of_file:
        title = _NUMBER_OF_FILE.sub("", _WORD.sub("", text.name.partition(".")[0]))
    return _CAPITAL.sub("_", title.strip("_-") or "migration").lower()


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
            for token in one:  # it may give them other values
                constants.pop(token.text, None)
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
    """By their names, which MikroORM wrote with the suffix of the file until its version 5."""
    return [Applied(_SUFFIX.sub("", name), at) for name, at in rows]


TOOL = Tool(
    "typeorm",
    convert,
    _is_own,
    HistoryTable("migrations", ("name::text",), "id", _read, optional=("executed_at::timestamptz",)),
)
