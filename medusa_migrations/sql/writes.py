"""Whether a statement may write rows, told by its first word."""

from __future__ import annotations

from collections.abc import Sequence

# What defines objects, and what concerns the session alone.
_NO_ROWS = {
    "ALTER", "ANALYZE", "BEGIN", "CHECKPOINT", "CLOSE", "CLUSTER", "COMMENT", "COMMIT", "CREATE", "DEALLOCATE",
    "DISCARD", "DROP", "END", "GRANT", "IMPORT", "LISTEN", "LOAD", "LOCK", "NOTIFY", "REASSIGN", "REFRESH", "REINDEX",
    "RELEASE", "RESET", "REVOKE", "ROLLBACK", "SAVEPOINT", "SECURITY", "SET", "SHOW", "START", "UNLISTEN", "VACUUM",
}  # fmt: skip


def may_write_rows(words: Sequence[str]) -> bool:
    """Whether it may write rows, or values of sequences, that another statement does not take back: a function may."""
    return words[0] not in _NO_ROWS
