"""What the database has and no model, which goes: made by hand, or left by a model; only a person can tell."""

from __future__ import annotations

import re
from collections.abc import Sequence

from medusa_migrations.messages import N_

from .compare import Change
from .tables import Column, Constraint, Index, Table

# What Django names itself has a hash: of 6 digits for an Index without a name, else of 8.
_BY_DJANGO = re.compile(r"_([0-9a-f]{8}(_fk|_fk_.*|_uniq|_check|_like|_idx)?|[0-9a-f]{6}_idx)$")


def in_no_model(changes: Sequence[Change]) -> list[str]:
    """Warnings that name what goes although no model ever had it, as far as can be told."""
    return [*_made_by_hand(changes), *_of_what_stays(changes)]


def _made_by_hand(changes: Sequence[Change]) -> list[str]:
    """Warnings that name what was made by hand, to judge by its name, and goes although its columns stay."""
    gone = {(change.table, change.old.name) for change in changes if change.op == "drop" and change.old}
    made = {(change.table, change.new.name) for change in changes if change.op == "create" and change.new}
    return [
        N_(
            "{table}.{name} is in no model, and goes. If it was made by hand and is to stay, put "
            "`-- migrate:keep {table}.{name}` above the up part of the migration that made it, or its "
            "name into IGNORE.",
            table=change.table,
            name=change.old.name,
        )
        for change in changes
        if change.op == "drop"
        and isinstance(change.old, Constraint | Index)
        and (change.table, change.old.name) not in made
        and not _is_named_by_itself(change.old)
        and not any((change.table, column) in gone for column in change.old.uses)
    ]


def _is_named_by_itself(thing: Constraint | Index) -> bool:
    """Whether a name is like one that Django makes up, or PostgreSQL where Django gives none."""
    if _BY_DJANGO.search(thing.name):
        return True
    columns = "".join(f"_{re.escape(column)}" for column in thing.columns)
    of_check = columns if len(thing.columns) == 1 else ""
    made_up = {"p": "_pkey", "u": f"{columns}_key", "c": f"{of_check}_check", "x": "_excl"}
    label = made_up.get(thing.kind) if isinstance(thing, Constraint) else None
    return label is not None and re.search(rf"{label}\d*$", thing.name) is not None


def _of_what_stays(changes: Sequence[Change]) -> list[str]:
    """Warnings that name the defaults and the comments that no model has, and that go although what has them stays."""
    defaults = [
        f"{change.table}.{old.name}"
        for change in changes
        if isinstance(old := change.old, Column) and isinstance(new := change.new, Column)
        if old.default is not None and not old.serial and not new.fills_itself
    ]
    comments = [
        change.table if isinstance(change.old, Table) else f"{change.table}.{change.old.name}"
        for change in changes
        if change.op == "alter" and change.old and change.new and change.old.comment and change.new.comment is None
    ]
    return [
        *(
            N_(
                "The default of {place} is in no model, and goes. If it was made by hand and is to stay, put "
                "`-- migrate:keep {place}.default` above the up part of the migration that made it, or that into "
                "IGNORE (`*.default` is all of them).",
                place=place,
            )
            for place in defaults
        ),
        *(N_("The comment on {place} is in no model, and goes.", place=place) for place in comments),
    ]
