"""What a statement does, told by its first words.

`words` are `scanner.Statement.words` throughout, of which each statement has at least one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from .scanner import Statement

_PREFIXES = (
    ("BEGIN",),
    ("START", "TRANSACTION"),
    ("COMMIT",),
    ("END",),
    ("ABORT",),
    ("ROLLBACK",),
    ("CREATE", "INDEX", "CONCURRENTLY"),
    ("CREATE", "UNIQUE", "INDEX", "CONCURRENTLY"),
    ("DROP", "INDEX", "CONCURRENTLY"),
    ("VACUUM",),
    ("CREATE", "DATABASE"),
    ("DROP", "DATABASE"),
    ("CREATE", "TABLESPACE"),
    ("DROP", "TABLESPACE"),
    ("CREATE", "SUBSCRIPTION"),
    ("DROP", "SUBSCRIPTION"),
    ("ALTER", "SYSTEM"),
    ("DISCARD", "ALL"),
)

_REINDEX_WHOLE = {"DATABASE", "SCHEMA", "SYSTEM"}


def outside_transaction(words: Sequence[str]) -> str | None:
    """The name of a statement that cannot be part of a migration's transaction, or None.

    That is what controls transactions, save for savepoints, and what PostgreSQL's manual says "cannot be executed
    inside a transaction block".
    """
    if words[0] == "ROLLBACK" and "TO" in words[1:3]:
        return None  # to a savepoint
    for prefix in _PREFIXES:
        if tuple(words[: len(prefix)]) == prefix:
            return " ".join(words[:2] if tuple(words[1:2]) == ("PREPARED",) else prefix)
    match words[0]:
        case "PREPARE":
            is_named_so = not {"AS", "("}.isdisjoint(words[2:3])
            return "PREPARE TRANSACTION" if "TRANSACTION" in words[1:2] and not is_named_so else None
        case "REINDEX":
            return _reindex(words)
        case "CLUSTER":
            named = [word for word in _without_options(words[1:]) if word != "VERBOSE"]
            return None if named else "CLUSTER without a table"
        case "ALTER" if "DETACH" in words and words[-1] == "CONCURRENTLY":
            return "DETACH PARTITION CONCURRENTLY"
    return None


def _reindex(words: Sequence[str]) -> str | None:
    target = _without_options(words[1:])
    options = words[1 : len(words) - len(target)]
    if "CONCURRENTLY" in target[:2] or _is_on("CONCURRENTLY", options):
        return "REINDEX CONCURRENTLY"
    if target and target[0] in _REINDEX_WHOLE:
        return f"REINDEX {target[0]}"
    return None


def _without_options(words: Sequence[str]) -> Sequence[str]:
    """`words` without a list of options in parentheses at their start."""
    if words and words[0] == "(" and ")" in words:
        return words[words.index(")") + 1 :]
    return words


def _is_on(option: str, words: Sequence[str]) -> bool:
    """Whether a list of options such as `( VERBOSE , CONCURRENTLY OFF )` switches `option` on.

    A value that is a string or a number is taken for on.
    """
    if option not in words:
        return False
    value = words[words.index(option) + 1]
    return value not in {"OFF", "FALSE"}


# The grammar takes STDIN for STDOUT here too.
_TO_CLIENT = {("TO", "STDOUT"), ("TO", "STDIN")}


def cannot_run(words: Sequence[str]) -> tuple[str, str] | None:
    """Why only psql can run a statement, or why it would be misread, and what to do; None if it can be run."""
    if words[0] == "COPY" and not _TO_CLIENT.isdisjoint(itertools.pairwise(words)):
        return (
            "COPY … TO STDOUT sends its rows to nobody here",
            "Copy to a table with INSERT … SELECT, or leave it out.",
        )
    if (
        "STANDARD_CONFORMING_STRINGS" in words[1:3]
        and words[0] == "SET"
        and words[-1] in {"OFF", "FALSE", "'", "0", "NO"}
    ):
        return (
            "standard_conforming_strings must stay on",
            "The file is split into statements with it on: write strings with backslashes as E'…'.",
        )
    return None


def savepoint(words: Sequence[str]) -> str | None:
    """What a statement does to the savepoint whose name ends it: SAVEPOINT, ROLLBACK TO or RELEASE; else None."""
    if words[0] == "ROLLBACK" and "TO" in words[1:3]:
        return "ROLLBACK TO"
    return words[0] if words[0] in ("SAVEPOINT", "RELEASE") else None


def is_concurrent(words: Sequence[str]) -> bool:
    """Whether the statement works CONCURRENTLY on an index, in transactions of its own."""
    return (outside_transaction(words) or "").endswith("CONCURRENTLY")


def may_commit_in_part(words: Sequence[str]) -> bool:
    """Whether the statement can end transactions in its middle (manual, PL/pgSQL, "Transaction Management").

    Whatever else PostgreSQL takes only outside a transaction, such as VACUUM, may be repeated, or fails then.
    """
    return words[0] in {"CALL", "DO"}


def sets_session(words: Sequence[str]) -> bool:
    """Whether the statement changes a setting for the rest of the session, also as pg_dump does, with a SELECT."""
    if words[0] == "SELECT":
        return "SET_CONFIG" in words[1:4]
    return words[0] == "RESET" or (words[0] == "SET" and words[1] not in {"LOCAL", "CONSTRAINTS", "TRANSACTION"})


_HOLDS_ROWS = {"TABLE", "SCHEMA", "DATABASE", "OWNED"}
_MAY_HOLD_COLUMNS = {"TYPE", "DOMAIN", "EXTENSION"}

# What else than a column the DROP of an ALTER TABLE may name.
_NO_COLUMN = {"CONSTRAINT", "DEFAULT", "NOT", "EXPRESSION", "IDENTITY"}


def loses_data(words: Sequence[str]) -> bool:
    """Whether the statement drops or empties what has rows: whole tables, columns, or all rows of a DELETE.

    What a function or a DO block does is not seen, nor a DELETE inside WITH.
    """
    pairs = list(itertools.pairwise(words))
    match words[:2]:
        case ("TRUNCATE", *_):
            return True
        case ("DELETE" | "WITH", *_):
            return "DELETE" in words and "WHERE" not in words
        case ("DROP", kind):
            return kind in _HOLDS_ROWS or (kind in _MAY_HOLD_COLUMNS and words[-1] == "CASCADE")
        case ("ALTER", "TABLE"):
            return any(word == "DROP" and after not in _NO_COLUMN for word, after in pairs)
        case ("ALTER", "TYPE"):
            return ("DROP", "ATTRIBUTE") in pairs
    return False


def is_committed(group: Sequence[Statement]) -> bool:
    """Whether a group that `transactions` gives takes effect: one that its author rolls back, or prepares, does not."""
    return len(group) == 1 or group[-1].words[0] in {"COMMIT", "END"}


_OPENS = {"BEGIN", "START"}
_CLOSES = {"COMMIT", "END", "ROLLBACK", "ABORT"}


def transactions(statements: Sequence[Statement]) -> list[tuple[Statement, ...]]:
    """Group the statements of a part that runs without a transaction by what takes effect together.

    That is one statement, or all from an author's BEGIN to the COMMIT or ROLLBACK that ends it.

    Raises UnbalancedError for a BEGIN without its end, for an end without its BEGIN, and for AND CHAIN, behind which
    a transaction stays open.
    """
    groups: list[tuple[Statement, ...]] = []
    own: list[Statement] = []
    for statement in statements:
        control = _transaction_control(statement.words)
        if control == "closes" and statement.words[-2:] == ("AND", "CHAIN"):
            raise UnbalancedError(statement, "AND CHAIN begins a transaction that no BEGIN opens")
        if control == "opens" and not own:
            own = [statement]
        elif control and not (control == "closes" and own):
            raise UnbalancedError(statement, "inside another BEGIN" if own else "without a BEGIN before it")
        elif own:
            own.append(statement)
            if control:
                groups.append(tuple(own))
                own = []
        else:
            groups.append((statement,))
    if own:
        raise UnbalancedError(own[0], "without a COMMIT after it")
    return groups


class UnbalancedError(Exception):
    """`statement` begins or ends a transaction whose other end is missing; `problem` says which."""

    def __init__(self, statement: Statement, problem: str) -> None:
        super().__init__(problem)
        self.statement, self.problem = statement, problem


def begins_or_ends_transaction(words: Sequence[str]) -> bool:
    """Whether the statement begins or ends the transaction that it is sent in."""
    return _transaction_control(words) is not None


def _transaction_control(words: Sequence[str]) -> str | None:
    if words[0] in _OPENS:
        return "opens"
    name = outside_transaction(words)
    if name == "PREPARE TRANSACTION":
        return "closes"
    return "closes" if words[0] in _CLOSES and name and tuple(words[1:2]) != ("PREPARED",) else None
