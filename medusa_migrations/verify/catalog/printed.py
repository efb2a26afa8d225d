"""Whether two texts print one expression: PostgreSQL may print it otherwise once it has read its own print."""

from __future__ import annotations

import re
from typing import Any

_CONSTANT = r"E?'(?:[^'\\]|''|\\.)*'::[\w \".]+(?:\(\d+\))?"
# What `column IN ('a', 'b')` of a varchar is at first; it is cast as a whole there, and each constant by itself later.
_CAST_AS_A_WHOLE = re.compile(rf"\(ARRAY\[({_CONSTANT}(?:, {_CONSTANT})*)\]\)::([\w \".]+)\[\]")


def alike(one: Any, other: Any) -> bool:
    """Whether the values of an attribute are the same, or prints of the same."""
    return bool(one == other) or (isinstance(one, str) and isinstance(other, str) and _settled(one) == _settled(other))


def _settled(text: str) -> str:
    """The text as PostgreSQL prints it once it has read it."""
    return _CAST_AS_A_WHOLE.sub(_cast_one_by_one, text)


def _cast_one_by_one(found: re.Match[str]) -> str:
    constants, type_ = found.groups()
    return f"ARRAY[{', '.join(f'({one})::{type_}' for one in re.findall(_CONSTANT, constants))}]"
