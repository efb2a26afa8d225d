"""Names and text constants as SQL writes them."""

from __future__ import annotations

import string

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
