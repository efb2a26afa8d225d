"""Statements that reach beyond the database they are sent to, told by their first words."""

from __future__ import annotations

from collections.abc import Sequence

_SHARED = {"DATABASE", "TABLESPACE", "SUBSCRIPTION", "ROLE", "USER", "GROUP", "SYSTEM"}
_CHANGES = {"CREATE", "ALTER", "DROP"}


def reaches_beyond(words: Sequence[str]) -> str | None:
    """The name of a statement that changes the server or another database, or None.

    Those are of the objects that all databases share: databases, roles, tablespaces, subscriptions, which start workers
    at once, and the server's settings. What a function or a DO block does is not seen here.
    """
    first, second = words[0], next(iter(words[1:2]), "")
    if first in _CHANGES and second in _SHARED and "MAPPING" not in words[2:3]:
        return f"{first} {second}"
    if first in ("GRANT", "REVOKE"):
        return _privilege(words)
    if first in ("COMMENT", "SECURITY"):
        at = words.index("ON") + 1 if "ON" in words else len(words)
        target = next(iter(words[at : at + 1]), "")
        return f"{first} ON {target}" if target in _SHARED else None
    if (first, second) in (("REASSIGN", "OWNED"), ("DROP", "OWNED")):
        return f"{first} {second}"
    return None


def _privilege(words: Sequence[str]) -> str | None:
    """A GRANT or REVOKE on something shared, or of a role to another."""
    if "ON" not in words:
        return f"{words[0]} of a role"
    target = next(iter(words[words.index("ON") + 1 :]), "")
    return f"{words[0]} ON {target}" if target in _SHARED | {"PARAMETER"} else None
