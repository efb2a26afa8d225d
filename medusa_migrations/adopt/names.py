"""The names of imported migrations: a timestamp for each version, in the order of the tool that they come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from medusa_migrations.migration import NAME_LENGTH, TIMESTAMP_FORMAT, timestamp_problem

from .draft import Draft

# From here on versions count that are no moments.
FIRST = datetime(2000, 1, 1, tzinfo=UTC)

_SECOND = timedelta(seconds=1)
# Years that are written with four digits, and leave room for what comes behind.
_EARLIEST = datetime(1000, 1, 1, tzinfo=UTC)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)

# `YYYYMMDD` is one, and what is longer by hours, minutes or seconds.
_DATE_LENGTHS = (8, 10, 12, 14)
_UNIX_LENGTHS = {10: 1, 13: 1000}


def of_digits(version: str) -> datetime | None:
    """The moment for a version of digits alone: the one that they write, else as many seconds after 2000-01-01.

    They write one as YYYYMMDD, with or without hours, minutes and seconds, or as seconds or milliseconds since 1970.
    None if it is too large.
    """
    written = _date(version) or _unix(version)
    return written or _after(FIRST, seconds=int(version))


def of_parts(parts: Sequence[str]) -> datetime | None:
    """The moment for a version with dots: its parts count days, minutes and seconds after 2000-01-01.

    Unless they write a moment, all of them as in 2023.08.01, or the first. None if a part is too large.
    """
    if len(parts) > 2 and (written := _date("".join(part.zfill(2) for part in parts))):
        return written
    first = _date(parts[0]) or _unix(parts[0]) or _after(FIRST, days=int(parts[0]))
    minutes, seconds = (int(part) for part in (*parts[1:3], "0", "0")[:2])
    if first is None or minutes >= 24 * 60 or seconds >= 60:
        return None
    return _after(first, minutes=minutes, seconds=seconds)


def _date(digits: str) -> datetime | None:
    padded = digits.ljust(14, "0")[:14]
    length = len(digits)
    if (length in _DATE_LENGTHS and digits[:2] == "20") or length >= 14:
        if timestamp_problem(padded):
            return None
        found = datetime.strptime(padded, TIMESTAMP_FORMAT).replace(tzinfo=UTC)
        return found if _EARLIEST <= found < _LAST else None
    return None


def _unix(digits: str) -> datetime | None:
    unit = _UNIX_LENGTHS.get(len(digits))
    return datetime.fromtimestamp(int(digits) // unit, UTC) if unit and digits[0] in "12" else None


def _after(moment: datetime, **units: int) -> datetime | None:
    try:
        found = moment + timedelta(**units)
    except OverflowError:
        return None
    return found if found < _LAST else None


def in_order(moments: Iterable[datetime | None]) -> list[datetime]:
    """`moments`, each at least a second behind the one before it."""
    found: list[datetime] = []
    for moment in moments:
        earliest = found[-1] + _SECOND if found else None
        found.append(max((one for one in (moment, earliest) if one), default=FIRST))
    return found


def names_of(drafts: Sequence[Draft]) -> list[str]:
    """The names of migrations that are in the order in which their tool runs them."""
    moments = iter(in_order(draft.moment for draft in drafts if not draft.repeatable))
    found = (
        f"R__{slug(one.title)}" if one.repeatable else f"{_digits(next(moments))}_{slug(one.title)}" for one in drafts
    )
    return [draft.name or name for draft, name in zip(drafts, found, strict=True)]


def _digits(moment: datetime) -> str:
    return f"{moment:{TIMESTAMP_FORMAT}}"


def slug(title: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", title).strip("_-.")
    return plain[: NAME_LENGTH - len("YYYYMMDDHHMMSS_")] or "migration"
