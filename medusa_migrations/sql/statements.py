"""What a statement does, told by its first words.

`words` are `scanner.Statement.words` throughout, of which each statement has at least one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from medusa_migrations.messages import N_

from .names import folded
from .scanner import Statement
from .tokens import tokens

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

# Most statements of a large file are told apart by their first word.
_FIRST_WORDS = {prefix[0] for prefix in _PREFIXES} | {"PREPARE", "REINDEX", "CLUSTER", "ALTER"}

_REINDEX_WHOLE = {"DATABASE", "SCHEMA", "SYSTEM"}


def outside_transaction(words: Sequence[str]) -> str | None:
    """The name of a statement that cannot be part of a migration's transaction, or None.

    That is what controls transactions, save for savepoints, and what PostgreSQL's manual says "cannot be executed
    inside a transaction block".
    """
    if words[0] not in _FIRST_WORDS:
        return None
    if words[0] == "ROLLBACK" and "TO" in words[1:3]:
        return None  # to a savepoint
    if tuple(words[:2]) == ("CREATE", "SUBSCRIPTION") and (
        _has("CONNECT", _OFF, words) or _has("CREATE_SLOT", _OFF, words)
    ):
        return None  # it makes no slot
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
    return value not in _OFF


_OFF = {"OFF", "FALSE"}


def _has(option: str, values: set[str], words: Sequence[str]) -> bool:
    """Whether a list of options such as `( connect = false )` gives `option` one of `values`."""
    at = words.index(option) + 1 if option in words else len(words)
    return tuple(words[at : at + 1]) == ("=",) and not values.isdisjoint(words[at + 1 : at + 2])


def gives_slot_up(words: Sequence[str]) -> bool:
    """Whether the statement parts a subscription from its slot, so that a transaction may drop it."""
    return tuple(words[:2]) == ("ALTER", "SUBSCRIPTION") and _has("SLOT_NAME", {"NONE"}, words)


def needs_transaction(words: Sequence[str]) -> str | None:
    """The name of a statement that fails or does nothing unless BEGIN is before it, or None (manual, their pages)."""
    match words[0]:
        case "LOCK" | "SAVEPOINT" | "RELEASE":
            return words[0]
        case "ROLLBACK":
            return savepoint(words)
        case "DECLARE":
            return None if ("WITH", "HOLD") in itertools.pairwise(words) else "DECLARE without WITH HOLD"
        case "SET" if words[1:2] in {("LOCAL",), ("TRANSACTION",), ("CONSTRAINTS",)}:
            return " ".join(words[:2])
    return None


# The grammar takes STDIN for STDOUT here too.
_TO_CLIENT = {("TO", "STDOUT"), ("TO", "STDIN")}


def cannot_run(statement: Statement, text: str) -> tuple[str, str] | None:
    """Why only psql can run a statement of `text`, or why it would be misread, and what to do; None if it can run."""
    words = statement.words
    if words[0] == "COPY" and not _TO_CLIENT.isdisjoint(itertools.pairwise(words)):
        return (
            N_("COPY … TO STDOUT sends its rows to nobody here"),
            N_("Copy to a table with INSERT … SELECT, or leave it out."),
        )
    name, value = _setting(statement, text)
    if name == "standard_conforming_strings" and value in _FALSE:
        return (
            N_("standard_conforming_strings must stay on"),
            N_("The file is split into statements with it on: write strings with backslashes as E'…'."),
        )
    if name == "client_encoding" and re.sub("[^a-z0-9]", "", value) not in {"utf8", "unicode"}:
        return (
            N_("client_encoding must stay UTF8"),
            N_("The file is sent in UTF-8, in which it is: take this out, and save the file as UTF-8."),
        )
    return None


_FALSE = {"off", "false", "no", "0", "of", "f", "fa", "fal", "fals", "n"}
_SET_CONFIG = re.compile(r"\bset_config\s*\(\s*'(\w+)'\s*,\s*'([^']*)'", re.IGNORECASE)


def _setting(statement: Statement, text: str) -> tuple[str, str]:
    """The name and the value that a SET, a RESET or a SELECT set_config gives a setting, both in small letters.

    Both are empty for another statement, and for what is no literal.
    """
    words = statement.words
    if words[0] == "SELECT" and "SET_CONFIG" in words[1:4]:
        found = _SET_CONFIG.search(text, statement.start, statement.end)
        return (found[1].lower(), found[2].lower()) if found else ("", "")
    if words[0] not in ("SET", "RESET"):
        return "", ""
    given = [
        folded(token).lower()
        for token in tokens(text[statement.start : statement.end])[1:]
        if token.upper() not in {"SESSION", "LOCAL"}
    ]
    if not given:
        return "", ""
    if given[0] == "names":
        given[0] = "client_encoding"
    value = given[-1] if len(given) > 1 else ""
    return given[0], value[value.index("'") + 1 : -1] if value.endswith("'") else value


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
            raise UnbalancedError(statement, N_("AND CHAIN begins a transaction that no BEGIN opens"))
        if control == "opens" and not own:
            own = [statement]
        elif control and not (control == "closes" and own):
            raise UnbalancedError(statement, N_("inside another BEGIN") if own else N_("without a BEGIN before it"))
        elif own:
            own.append(statement)
            if control:
                groups.append(tuple(own))
                own = []
        else:
            groups.append((statement,))
    if own:
        raise UnbalancedError(own[0], N_("without a COMMIT after it"))
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
