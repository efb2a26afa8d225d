"""Which changes of a type keep every value, so that it comes back whole when the change is undone."""

from __future__ import annotations

import re
from typing import NamedTuple

_WHOLE = {"smallint", "integer", "bigint"}
_TEXTS = {"text", "character varying", "citext"}

# How long the text of a value can be. That of a number without an end, or of a document, is kept by a text alone.
_TEXT_LENGTHS = {"boolean": 5, "smallint": 6, "integer": 11, "bigint": 20, "uuid": 36}
_LONG = {"numeric", "json", "jsonb", "xml", "name"}

# Besides those of numbers, texts and times: from one type to another and back is the same value.
_KEPT = {
    ("boolean", "integer"),
    ("cidr", "inet"),
    ("date", "timestamp with time zone"),
    ("date", "timestamp without time zone"),
    ("integer", "double precision"),
    ("jsonb", "json"),
    ("real", "double precision"),
    ("smallint", "double precision"),
    ("smallint", "real"),
}

_TYPE = re.compile(
    r"(?P<name>[^(\[]+?)\s*(?:\((?P<size>\d+)(?:,(?P<scale>-?\d+))?\))?(?P<rest> with(?:out)? time zone)?"
)


class _Type(NamedTuple):
    """A type as format_type prints it: of `timestamp(3) with time zone`, 3 is the size."""

    name: str
    size: int | None
    scale: int | None


def keeps_values(old: str, new: str) -> bool:
    """Whether every value of the type `old` becomes one of `new` that becomes the same again, or is refused.

    The types are given as PostgreSQL's format_type prints them. What is not known to be so is taken for a loss.
    """
    if old == new:
        return True
    if old.endswith("[]") and new.endswith("[]"):
        return keeps_values(old.removesuffix("[]"), new.removesuffix("[]"))
    before, after = _parsed(old), _parsed(new)
    return before is not None and after is not None and _keeps(before, after)


def _parsed(text: str) -> _Type | None:
    found = _TYPE.fullmatch(text)
    if not found:
        return None
    name = "citext" if found["name"].endswith(".citext") else found["name"] + (found["rest"] or "")
    size, scale = (int(found[group]) if found[group] else None for group in ("size", "scale"))
    return _Type(name, size, scale)


def _keeps(old: _Type, new: _Type) -> bool:
    if new.name in _TEXTS or new.name == "character":
        return _fits_text(old, new)
    if _is_exact(old) and _is_exact(new):
        return _digits_behind(old) <= _digits_behind(new)  # too large a number is refused
    if old.name == new.name:
        return _fits_time(old, new)
    return (old.name, new.name) in _KEPT and old.size is None and new.size is None


def _is_exact(type_: _Type) -> bool:
    return type_.name in _WHOLE or type_.name == "numeric"


def _digits_behind(type_: _Type) -> float:
    """How many digits there are behind the decimal point."""
    if type_.name in _WHOLE:
        return 0
    return float("inf") if type_.size is None else type_.scale or 0


def _fits_text(old: _Type, new: _Type) -> bool:
    """A cast can cut a text that is too long, and blanks at its end, without a word."""
    if new.name == "character":
        return old.name == "character" and (old.size or 1) <= (new.size or 1)
    if old.name in _TEXTS or old.name == "character":
        length = (old.size or 1) if old.name == "character" else old.size
        return new.size is None or (length is not None and length <= new.size)
    if old.name in _LONG:
        return new.size is None
    length = _TEXT_LENGTHS.get(old.name)
    return length is not None and (new.size is None or length <= new.size)


def _fits_time(old: _Type, new: _Type) -> bool:
    """Whether a time keeps its digits behind the seconds, of which there are six unless it says less."""
    is_time = old.name.startswith(("timestamp ", "time ")) or old.name == "interval"
    return is_time and (6 if old.size is None else old.size) <= (6 if new.size is None else new.size)
