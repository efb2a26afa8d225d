"""What a part may not hold, because it could not be run, or would not do what it says."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.messages import N_, joined
from medusa_migrations.sql.names import folded
from medusa_migrations.sql.scanner import Statement
from medusa_migrations.sql.statements import (
    UnbalancedError,
    cannot_run,
    gives_slot_up,
    needs_transaction,
    outside_transaction,
    savepoint,
    transactions,
)
from medusa_migrations.sql.tokens import tokens

from .sections import Problem, Section


def refused(section: Section, text: str, *, repeatable: bool) -> Problem | None:
    """What is wrong with a statement of `section`, or None; `text` is the file's, which may be `repeatable`.

    Each section is looked at by itself, because downs run backwards.
    """
    for statement in section.statements:
        why = cannot_run(statement, text)
        if why:
            return Problem(why[0], statement.start, why[1])
    if section.transaction is False:
        return _unbalanced(section.statements) or _on_the_wrong_side(section.statements)
    mark = f"`-- migrate:{section.direction} transaction:false`"
    cure = (
        N_("Take it out, or put it into a file with a timestamp, in a part marked {mark}.", mark=mark)
        if repeatable
        else N_("Take it out, or mark the part {mark}.", mark=mark)
    )
    return _not_in_transaction(section.statements, text, cure) or _savepoint_not_open(section.statements, text)


def outside_block(statements: Sequence[Statement]) -> tuple[Statement, str] | None:
    """The first of `statements`, each to be committed by itself, that means something in a transaction only.

    With what is wrong with it.
    """
    for statement in statements:
        name = needs_transaction(statement.words)
        if name:
            return statement, N_("{name} means nothing where each statement is committed by itself", name=name)
    return None


def _not_in_transaction(statements: Sequence[Statement], text: str, cure: str) -> Problem | None:
    without_slot: set[str] = set()
    for statement in statements:
        name = outside_transaction(statement.words)
        if gives_slot_up(statement.words):
            without_slot.add(_subscription(statement, text))
        elif name and not (name == "DROP SUBSCRIPTION" and _subscription(statement, text) in without_slot):
            return Problem(N_("{name} cannot run inside a transaction", name=name), statement.start, cure)
    return None


def _subscription(statement: Statement, text: str) -> str:
    """The name in an ALTER or DROP SUBSCRIPTION."""
    found = tokens(text[statement.start : statement.end])
    return folded(found[4] if found[2].upper() == "IF" and len(found) > 4 else found[2])


def _savepoint_not_open(statements: Sequence[Statement], text: str) -> Problem | None:
    """In the one transaction of several migrations, a ROLLBACK TO could undo another's work."""
    open_ones: list[str] = []
    for statement in statements:
        what = savepoint(statement.words)
        if what is None:
            continue
        name = folded(tokens(text[statement.start : statement.end])[-1])
        if what == "SAVEPOINT":
            open_ones.append(name)
        elif name in open_ones:
            while open_ones[-1] != name:
                open_ones.pop()
            open_ones[-1:] = [name] if what == "ROLLBACK TO" else []
        else:
            return Problem(
                N_("{what} a savepoint that is not open here: {name}", what=what, name=name),
                statement.start,
                N_("Write SAVEPOINT {name} before it, in this part.", name=name),
            )
    return None


def _unbalanced(statements: Sequence[Statement]) -> Problem | None:
    try:
        transactions(statements)
    except UnbalancedError as error:
        return Problem(
            joined(" ", [str(outside_transaction(error.statement.words)), error.problem]),
            error.statement.start,
            N_(
                "Open each transaction with BEGIN and end it with COMMIT, or leave both out: then every statement is "
                "committed by itself."
            ),
        )
    return None


def _on_the_wrong_side(statements: Sequence[Statement]) -> Problem | None:
    """What belongs between the BEGIN and COMMIT of a part without a transaction and stands outside, or vice versa."""
    for group in transactions(statements):
        for statement in group[1:-1]:
            name = outside_transaction(statement.words)
            if name:
                return Problem(
                    N_("{name} cannot run between BEGIN and COMMIT", name=name),
                    statement.start,
                    N_("Put it before the BEGIN or behind the COMMIT."),
                )
        found = outside_block(group) if len(group) == 1 else None
        if found:
            cure = N_("Put BEGIN and COMMIT around it and what belongs to it, or take it out.")
            return Problem(found[1], found[0].start, cure)
    return None
