"""What is kept, so not compared, and goes with what changes, or is in the way of that."""

from __future__ import annotations

from medusa_migrations.messages import N_

from .remade import mentions
from .tables import Constraint, Index, Table


def default_unseen(live: Table, compared: Table, column: str, again: bool | None) -> list[str]:
    """Warnings that name a default that is kept, so not `compared`, of a column that changes.

    `again` tells whether the column is added again after it was dropped, or is None if it only gets another type.
    """
    if live.columns[column].default is None or compared.columns[column].default is not None or again is False:
        return []
    if again:
        return [
            N_(
                "The default of {table}.{column} is kept, but goes with the column: set it again.",
                table=live.name,
                column=column,
            )
        ]
    return [
        N_(
            "The default of {table}.{column} is kept: see that the new type can have it, or the run fails.",
            table=live.name,
            column=column,
        )
    ]


def going_unseen(live: Table, compared: Table, column: str, again: bool) -> list[str]:
    """Warnings that name the constraints and indexes that are kept, so not `compared`, and go with a column.

    `again` tells whether the column is added again after it was dropped.
    """
    unseen: list[Constraint | Index] = [
        *(one for name, one in live.constraints.items() if name not in compared.constraints),
        *(one for name, one in live.indexes.items() if name not in compared.indexes),
    ]
    how = N_("dropped and added") if again else N_("dropped")
    return [
        N_(
            "{table}.{name} is kept, but goes with the column {column}, which is {how}. Neither part makes "
            "it again: write that into both, or into a migration of its own.",
            table=live.name,
            name=one.name,
            column=column,
            how=how,
        )
        for one in unseen
        if column in one.uses
    ]


def computed_unseen(live: Table, compared: Table, column: str) -> list[str]:
    """Warnings that name the generated columns that are kept, so not `compared`, and are made of `column`."""
    return [
        N_(
            "The generated column {table}.{name} is kept and stands on {column}, which changes: drop it before, and "
            "make it again after that.",
            table=live.name,
            name=name,
            column=column,
        )
        for name, one in live.columns.items()
        if name not in compared.columns and one.generated is not None and mentions(one.generated, column)
    ]
