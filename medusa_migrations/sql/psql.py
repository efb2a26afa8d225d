"""SQL as psql takes it."""

from __future__ import annotations

from .scanner import split
from .tokens import ENDS, token_pattern


def for_psql(sql: str) -> str:
    """`sql` so that psql sends what is written, whatever variables it has.

    psql puts the value of a variable in the place of `:name` outside quotes, so that `a[1:n]` may become another
    (manual, psql, "SQL Interpolation"). A space behind the colon prevents that and says the same to the server.
    The `\\restrict` lines of pg_dump are no part of `sql`.
    """
    found: list[str] = []
    at, data_from = 0, _data_starts(sql)
    while at < len(sql):
        if at in data_from:
            found.append(sql[at : data_from[at]])
            at = data_from[at]
            continue
        token = token_pattern().match(sql, at)
        assert token is not None  # the last alternative takes any character
        assert token.lastgroup is not None
        start, at = at, token.end()
        if token.lastgroup in ENDS:
            at = ENDS[token.lastgroup](sql, start, at)
        found.append(sql[start:at])
        is_single = token[0] == ":" and sql[start - 1 : start] != ":" and sql[at : at + 1] not in {":", "=", "", " "}
        found.append(" " if is_single else "")
    return "".join(found)


def _data_starts(sql: str) -> dict[int, int]:
    """Where the rows of each COPY … FROM stdin begin, and where they end."""
    return {one.data[0]: one.data[1] for one in split(sql) if one.data}
