"""Values that are made up: for each type some that PostgreSQL reads, and others that a condition may ask for.

They are chosen so that what is right is not refused: a number is one that no sequence and no seed has come to, and a
text is of digits, which most casts read.
"""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from .shapes import Type

_NUMBER = 30011  # of all types of numbers

# How many values each type has at least, where it has as many.
COUNT = 4

_DAY = datetime.date(2020, 1, 1)


def _day(number: int) -> str:
    return (_DAY + datetime.timedelta(number)).isoformat()


def _number(number: int) -> str:
    return str(_NUMBER + number)


_BY_NAME: dict[str, Callable[[int], str]] = {
    "uuid": lambda n: f"00000000-0000-4000-8000-{_NUMBER + n:012}",
    "json": lambda n: f'{{"n": {n}}}' if n else "{}",
    "jsonb": lambda n: f'{{"n": {n}}}' if n else "{}",
    "jsonpath": lambda n: f"$.n{n}",
    "bytea": lambda n: f"\\x3{n}",
    "date": _day,
    "time": lambda n: f"0{n + 1}:00:00",
    "timetz": lambda n: f"0{n + 1}:00:00+00",
    "timestamp": lambda n: f"{_day(n)} 12:00:00",
    "timestamptz": lambda n: f"{_day(n)} 12:00:00+00",
    "interval": lambda n: f"{n + 1} days",
    "bool": lambda n: "false" if n % 2 else "true",
    "inet": lambda n: f"192.0.2.{n + 1}",
    "cidr": lambda n: f"192.0.2.{n + 1}/32",
    "macaddr": lambda n: f"08:00:2b:01:02:0{n}",
    "macaddr8": lambda n: f"08:00:2b:01:02:03:04:0{n}",
    "varbit": lambda n: f"{n:03b}",
    "xml": lambda n: f"<a>{n}</a>",
    "tsvector": lambda n: f"a{n}",
    "tsquery": lambda n: f"a{n}",
    "point": lambda n: f"({n},{n})",
    "line": lambda n: f"{{1,1,{n}}}",
    "lseg": lambda n: f"[({n},0),({n},1)]",
    "box": lambda n: f"({2 * n + 1},1),({2 * n},0)",
    "path": lambda n: f"[({n},0),({n},1)]",
    "polygon": lambda n: f"(({n},0),({n},1),({n},2))",
    "circle": lambda n: f"<({3 * n},0),1>",
    "pg_lsn": lambda n: f"0/{n + 1}",
    "money": _number,
    "hstore": lambda n: f'"a"=>"{n}"',
    "ltree": lambda n: f"a{n}",
    "geometry": lambda n: f"SRID=4326;POINT({n} {n})",
    "geography": lambda n: f"POINT({n} {n})",
}


def samples(types: Mapping[int, Type], oid: int, mod: int = -1) -> list[str]:
    """Different values of a type with its modifier, as texts that its input reads; none of a type that is not known."""
    found = types.get(oid)
    if found is None:
        return []
    if found.kind == "d":
        return samples(types, found.base, found.mod)
    if found.kind == "e":
        return list(found.labels)
    if found.kind == "c":
        return _rows(samples(types, *part) or [""] for part in found.parts)
    if found.kind in "rm":
        return _ranges(samples(types, found.base), many=found.kind == "m")
    if found.category == "A":
        return [f"{{{_inside(value)}}}" for value in samples(types, found.element, mod)]
    return _scalars(found, mod)


def _scalars(type_: Type, mod: int) -> list[str]:
    if type_.name in _BY_NAME:
        make = _BY_NAME[type_.name]
    elif type_.name == "numeric" and mod >= 0:
        make = _decimal(mod)
    elif type_.category == "N":
        make = _number
    elif type_.name == "bit":
        make = _bits(mod)
    elif type_.category in "SZ" or type_.name == "citext":
        make = _text(1 if type_.name == "char" else text_length(type_, mod) or 0)
    else:
        return []
    return list(dict.fromkeys(make(number) for number in range(COUNT)))


def _bits(length: int) -> Callable[[int], str]:
    return lambda n: f"{n % 2**length:0{length}b}"


def _text(length: int) -> Callable[[int], str]:
    """Texts of a number, that end where the type does; 0 if it does not."""
    return lambda n: _number(n)[-length:]


def text_length(type_: Type, mod: int) -> int | None:
    """How many characters a column of the type can hold; None if there is no end."""
    return mod - 4 if type_.name in {"varchar", "bpchar"} and mod >= 4 else None


def _decimal(mod: int) -> Callable[[int], str]:
    """Numbers that fit numeric(precision, scale); the modifier has both (numeric.c, make_numeric_typmod)."""
    precision, scale = (mod - 4) >> 16 & 0xFFFF, ((mod - 4) & 0x7FF ^ 1024) - 1024
    before = precision - max(scale, 0)
    first = min(_NUMBER, 10 ** max(before, 0) - COUNT) if before > 0 else 0
    return lambda n: str(first + n) if before > 0 else f"{n}e-{scale}"


def _rows(parts: Iterable[list[str]]) -> list[str]:
    columns = list(parts)
    return [
        "(" + ",".join(_inside(values[min(n, len(values) - 1)]) for values in columns) + ")"
        for n in range(max(map(len, columns), default=0))
    ]


def _ranges(values: list[str], *, many: bool) -> list[str]:
    """Ranges beside each other, none in another."""
    found = [f"[{_inside(low)},{_inside(high)})" for low, high in itertools.pairwise(values)]
    return [f"{{{one}}}" for one in found] if many else found


def _inside(value: str) -> str:
    """A value in quotes, as it stands in an array, a row or a range."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


# What conditions are often about: formats, and ends of what is allowed.
_NUMBERS = ("1", "0", "2", "3", "10", "100", "-1", "0.5")
_DATES = ("2999-01-01", "1970-01-01")
_TEXTS = (
    *("a", "aa", "aaa", "A", "AA", "AAA", "a1", "A1", "abc", "Abc", "abcdefgh", "a-b", "a_b", "a b", "1", "12", "123"),
    *("user@example.com", "https://example.com/", "https://example.com", "example.com", "/a", "/a/", "+15551234567"),
    *("5551234567", "12345678", "#00ff00", "00ff00", "2020-01-01", "12:00", "1.0.0", "en-us", "en_US", "{}", "[]", ""),
)
_OTHERS = dict.fromkeys(("json", "jsonb"), ("[]", "[1]", "1", '"a"', "true", "null"))


def asked_for(type_: Type, mod: int, conditions: Iterable[str]) -> list[str]:
    """Values that the `conditions`, as PostgreSQL prints them, may let pass: of their constants, and around these."""
    constants = list(dict.fromkeys(value for text in conditions for value in _constants(text)))
    if type_.category == "N":
        return [*(near for one in constants for near in _around(one)), *_NUMBERS]
    if type_.category == "D":
        return [*(near for one in constants for near in _days_around(one)), *_DATES]
    if type_.category == "S" or type_.name == "citext":
        length = text_length(type_, mod)
        texts = [*(text for one in constants for text in _texts(one)), *_TEXTS]
        return [text for text in texts if length is None or len(text) <= length]
    return [*constants, *_OTHERS.get(type_.name, ["{}"] if type_.category == "A" else [])]


_STRING = re.compile(r"'((?:[^']|'')*)'")
_PLAIN_NUMBER = re.compile(r"(?<![\w.$])\d+(?:\.\d+)?")


def _constants(condition: str) -> list[str]:
    strings = [found[1].replace("''", "'") for found in _STRING.finditer(condition)]
    return strings + _PLAIN_NUMBER.findall(_STRING.sub("''", condition))


def _around(constant: str) -> Iterator[str]:
    """The number itself and those beside it."""
    if constant.lstrip("-").isdigit():
        yield from (str(int(constant) + step) for step in (0, 1, -1, 2, -2))
    elif constant.lstrip("-").replace(".", "", 1).isdigit():
        yield constant


def _days_around(constant: str) -> Iterator[str]:
    yield constant
    try:
        day = datetime.date.fromisoformat(constant[:10])
    except ValueError:
        return
    yield from ((day + datetime.timedelta(step)).isoformat() for step in (1, -1))


def _texts(constant: str) -> Iterator[str]:
    """The constant itself, what a pattern of LIKE fits, and for a number texts of that length, where it is not long."""
    yield constant
    if "%" in constant or "_" in constant:
        yield constant.replace("%", "a").replace("_", "a")
    if constant.isdigit() and int(constant) <= _LONGEST:
        yield from ("a" * length for length in (int(constant), int(constant) + 1, int(constant) - 1) if length >= 0)
        yield from (_number(0)[-1:] * length for length in (int(constant), int(constant) + 1))


_LONGEST = 1000
