"""Rows of Python values in COPY's text format (manual, COPY, "Text Format")."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def copy_line(row: Sequence[Any]) -> bytes:
    """The line of COPY data for one row, a tuple or list of values, in UTF-8 with its line end.

    Raises TypeError for what is no such row, or a value that has no form in COPY, ValueError for a row without values.
    """
    if isinstance(row, str | bytes | Mapping | Set):
        raise TypeError(
            f"a row for COPY is a tuple or a list, in the order of the columns; this is a {type(row).__name__}"
        )
    if not row:
        raise ValueError("a row for COPY has no values")
    return ("\t".join(map(_text, row)) + "\n").encode()


def _text(value: Any) -> str:
    match value:
        case None:
            return "\\N"
        case Enum():
            return _text(value.value)
        case bool():
            return "t" if value else "f"
        case str():
            return value.translate(_ESCAPES)
        case int() | float() | Decimal() | UUID():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return f"{value.days} days {value.seconds}.{value.microseconds:06} seconds"
        case bytes() | bytearray() | memoryview():
            return "\\\\x" + bytes(value).hex()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)
    raise TypeError(f"COPY cannot be given a {type(value).__name__}: make it a string first")
