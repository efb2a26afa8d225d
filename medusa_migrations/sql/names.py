"""Names and text constants as SQL writes them."""

from __future__ import annotations


def quoted(name: str) -> str:
    """One identifier, always in quotes."""
    return '"' + name.replace('"', '""') + '"'


def quoted_table(name: str) -> str:
    """The name of a table, `table` or `schema.table`, each part in quotes."""
    return ".".join(map(quoted, name.split(".")))


def literal(text: str | None) -> str:
    """A text constant, or NULL for None; the server must have standard_conforming_strings on."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"
