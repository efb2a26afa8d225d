"""Rows of Python values in COPY's text format (manual, COPY, "Text Format")."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def copy_line(row: Sequence[Any]) -> bytes:
    """One row. Raises TypeError for a value that COPY cannot be given."""
    return ("\t".join(map(_text, row)) + "\n").encode()


def _text(value: Any) -> str:
    match value:
        case None:
            return "\\N"
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
