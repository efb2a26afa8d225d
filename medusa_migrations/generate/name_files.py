"""Files that give names alone, proven on a copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from medusa_migrations.messages import N_, joined
from medusa_migrations.sql.names import quoted

from .in_files import AppFile
from .names import OtherName, giving_names, other_names, taking_names_back
from .proof import NotProven, run_part
from .scope import Scope
from .scratch import Scratch, copy_tables
from .steps import ordered
from .tables import Column, Table, Tables
from .watch import CopyWatch

_IN_TURN = N_(
    " Where apps have each other's names in turn, so that none can begin: give one of them another name by hand, and "
    "generate again."
)


def prove_names(
    scratch: Scratch, scope: Scope, labels: Iterable[str], names: Sequence[OtherName], live: Tables, models: Tables
) -> tuple[AppFile, ...]:
    """The files that give what is in `names`, of the `live` tables, the names that the `models` would give.

    Raises NotProven if up leaves another name than those, or down one that was not there.
    """
    renamed = {name: table for name, table in live.items() if name in {one.table for one in names}}
    copy_tables(scratch, {name: _with_sequences(table) for name, table in renamed.items()}, {**models, **live}, {})
    copied, watch = scratch.read(renamed), CopyWatch(scratch)
    own = {label: [one for one in names if scope.owners.get(one.table or "", label) == label] for label in labels}
    first = _first_of_others(own)
    order = ordered(tuple(own), {label: {*tables} for label, tables in first.items()})
    try:
        parts = [(label, run_part(scratch, "up", giving_names(own[label]), watch)) for label in order if own[label]]
        now = scope.compared(scratch.read(renamed))
        _refuse_names("up", other_names(now, models, scope.wanted.explicit_names))
    except NotProven as error:
        hint = _IN_TURN if any(first.values()) else ""
        raise NotProven(joined("", [error.args[0], hint])) from error
    files = []
    for label, up in reversed(parts):
        down = run_part(scratch, "down", taking_names_back(own[label]), CopyWatch(scratch))
        tables = frozenset(first[label].values())
        files.append(AppFile(label, "", (), (), tuple(up), tuple(down), tables, tuple(own[label])))
    back = scratch.read(renamed)
    _refuse_names("down", other_names(back, copied))
    if back != copied:
        raise NotProven(N_("After the generated down part the tables are not as they were. Nothing was written."))
    return tuple(reversed(files))


def _first_of_others(own: Mapping[str, Sequence[OtherName]]) -> dict[str, dict[str, str]]:
    """For each app those others that have to give a name away before it can take it, and of which table."""
    return {
        label: {
            other: theirs.table or ""
            for other, names in own.items()
            for theirs in names
            if other != label and any(one.waits_for(theirs) for one in ours)
        }
        for label, ours in own.items()
    }


def _refuse_names(part: str, left: Sequence[OtherName]) -> None:
    if left:
        listed = "\n".join(f"  {one}" for one in left)
        raise NotProven(
            N_(
                "After the generated {part} part these names are left:\n{listed}\nNothing was written.",
                part=part,
                listed=listed,
            )
        )


def _with_sequences(table: Table) -> Table:
    """The table with the names of its identities' sequences among their options, as PostgreSQL else gives its own."""
    return replace(table, columns={name: _with_sequence(column) for name, column in table.columns.items()})


def _with_sequence(column: Column) -> Column:
    if not column.identity or not column.sequence:
        return column
    options = f"SEQUENCE NAME {quoted(column.sequence.known_as)} {column.sequence.options}".rstrip()
    return replace(column, sequence=replace(column.sequence, options=options))
