"""Names and text constants as SQL writes them."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

_TO_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def quoted(name: str) -> str:
    """The identifier `name` in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def quoted_table(name: str) -> str:
    """The name of a table, `table` or `schema.table`, each part in quotes."""
    return ".".join(map(quoted, name.split(".")))


def literal(text: str | None) -> str:
    """`text` as a constant, or NULL for None; the server must have standard_conforming_strings on."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def folded(name: str) -> str:
    """The name that the catalog has for `name` of an SQL text: A to Z in small letters unless quoted (manual, 4.1.1).

    Letters beyond ASCII stay, as the server leaves them in encodings of several bytes (downcase_identifier).
    """
    if name.startswith('"'):
        return name[1:-1].replace('""', '"')
    return name.translate(_TO_SMALL)


def without_escapes(tokens: Sequence[str]) -> list[str]:
    """`tokens` of a statement with each name that is written U&"…" [UESCAPE '…'] in plain quotes (manual, 4.1.2.3)."""
    found: list[str] = []
    rest = list(tokens)
    while rest:
        if [token.upper() for token in rest[:2]] != ["U", "&"] or not rest[2:3] or rest[2][0] != '"':
            found.append(rest.pop(0))
            continue
        has_own = [token.upper() for token in rest[3:4]] == ["UESCAPE"] and len(rest) > 4
        found.append(quoted(_unescaped(folded(rest[2]), rest[4][1:-1] if has_own else "\\")))
        del rest[: 5 if has_own else 3]
    return found


def _unescaped(text: str, escape: str) -> str:
    """`text` with its characters in place of their numbers; two halves of a surrogate pair are one (scan.l)."""
    mark = re.escape(escape)
    pattern = rf"{mark}(?:{mark}|\+([0-9A-Fa-f]{{6}})|([0-9A-Fa-f]{{4}}))"
    plain = re.sub(pattern, lambda at: _character(at[1] or at[2]) if at[1] or at[2] else escape, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(number: str) -> str:
    return chr(min(int(number, 16), 0x10FFFF))
