"""The words that messages are made of."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.messages import N_, joined

# What of a statement is named, the first that is in it.
_ACTIONS = tuple(
    tuple(action.split())
    for action in (
        "REFRESH MATERIALIZED VIEW",
        "CREATE MATERIALIZED VIEW",
        "VACUUM",
        "CLUSTER",
        "REINDEX",
        "CREATE UNIQUE INDEX",
        "CREATE INDEX",
        "ALTER DOMAIN",
        "TRUNCATE",
        "CREATE TABLE",
        "ATTACH PARTITION",
        "VALIDATE CONSTRAINT",
        "SET NOT NULL",
        "SET LOGGED",
        "SET UNLOGGED",
        "SET TABLESPACE",
        "SET ACCESS METHOD",
        "SET EXPRESSION",
        "ADD COLUMN",
        "ADD PRIMARY KEY",
        "ADD UNIQUE",
        "ADD FOREIGN KEY",
        "ADD CHECK",
        "ADD EXCLUDE",
        "ADD CONSTRAINT",
    )
)
_NAMES = {
    "DO": N_("The DO block"),
    "SELECT": N_("The SELECT"),
    "CALL": N_("The procedure"),
    "WITH": N_("The statement"),
}


def action(words: Sequence[str]) -> str:
    """What a statement does, in its own key words; ALTER TABLE where it does several things."""
    if words[0] in _NAMES:
        return _NAMES[words[0]]
    found = [one for one in _ACTIONS if any(tuple(words[at : at + len(one)]) == one for at in range(len(words)))]
    if len(found) > 1 and words[:2] == ("ALTER", "TABLE"):
        return "ALTER TABLE"
    if found:
        return " ".join(found[0])
    if words[0] == "ALTER" and "TYPE" in words:
        return "ALTER COLUMN … TYPE"
    return " ".join(words[:2] if words[0] in {"ALTER", "CREATE", "DROP", "LOCK"} else words[:1])


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, at most three of many."""
    if len(names) > 4:
        return N_("{names} and {count} more", names=joined(", ", names[:3]), count=len(names) - 3)
    if len(names) == 1:
        return names[0]
    return N_("{names} and {last}", names=joined(", ", names[:-1]), last=names[-1])


def their(names: Sequence[str]) -> str:
    """The word for what belongs to these."""
    return N_("its") if len(names) == 1 else N_("their")
