"""The modes in which a table is locked, and who waits for them (manual, 13.3.1)."""

from __future__ import annotations

from collections.abc import Iterable

from medusa_migrations.messages import N_

# As pg_locks has them, the weakest first.
MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)

_RANKS = {mode: rank for rank, mode in enumerate(MODES, 1)}
_WORDS = {
    "AccessShareLock": "ACCESS SHARE",
    "RowShareLock": "ROW SHARE",
    "RowExclusiveLock": "ROW EXCLUSIVE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}


def strongest(modes: Iterable[str]) -> str:
    """The strongest of `modes`, "" if there is none."""
    return max(modes, key=rank, default="")


def rank(mode: str) -> int:
    """How strong a mode is: 0 for none, the more the stronger."""
    return _RANKS.get(mode, 0)


def waits(mode: str) -> str:
    """What of a table waits while it is locked so: "writes", "reads and writes", or "" for neither."""
    if mode == MODES[-1]:
        return N_("reads and writes")
    return N_("writes") if rank(mode) >= _RANKS["ShareLock"] else ""


def changes_definitions(mode: str) -> bool:
    """Whether a statement that takes this lock may change columns, constraints or indexes."""
    return rank(mode) > _RANKS["RowExclusiveLock"]


def in_words(mode: str) -> str | None:
    """The mode as the manual writes it, such as "ACCESS EXCLUSIVE"; None for no lock."""
    return _WORDS.get(mode)
