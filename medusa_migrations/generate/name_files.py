"""Files that give names alone, proven on a copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medusa_migrations.sql.names import quoted

from .in_files import AppFile
from .names import OtherName, giving_names, other_names, taking_names_back
from .proof import NotProven, run_part
from .scope import Scope
from .scratch import Scratch, copy_tables
from .tables import Table, Tables
from .watch import CopyWatch


def prove_names(
    scratch: Scratch, scope: Scope, labels: Iterable[str], names: Sequence[OtherName], live: Tables, models: Tables
) -> tuple[AppFile, ...]:
    """The files that give what is in `names`, of the `live` tables, the names that the `models` would give.

    Raises NotProven if up leaves another name than those, or down one that was not there.
    """
    renamed = {name: table for name, table in live.items() if name in {one.table for one in names}}
    copy_tables(scratch, renamed, {**models, **live}, {})
    _name_sequences(scratch, renamed)
    copied, watch = scratch.read(renamed), CopyWatch(scratch)
    parts = []
    for label in labels:
        own = [one for one in names if scope.owners.get(one.table or "", label) == label]
        if own:
            parts.append((label, own, run_part(scratch, "up", giving_names(own), watch)))
    now = scope.compared(scratch.read(renamed))
    _refuse_names("up", other_names(now, models, scope.wanted.explicit_names))
    files = []
    for label, own, up in reversed(parts):
        down = run_part(scratch, "down", taking_names_back(own), CopyWatch(scratch))
        files.append(AppFile(label, "", (), (), tuple(up), tuple(down), frozenset(), tuple(own)))
    back = scratch.read(renamed)
    _refuse_names("down", other_names(back, copied))
    if back != copied:
        raise NotProven("After the generated down part the tables are not as they were. Nothing was written.")
    return tuple(reversed(files))


def _refuse_names(part: str, left: Sequence[OtherName]) -> None:
    if left:
        listed = "\n".join(f"  {one}" for one in left)
        raise NotProven(f"After the generated {part} part these names are left:\n{listed}\nNothing was written.")


def _name_sequences(scratch: Scratch, live: Tables) -> None:
    """Give the sequences of the copies the names of the live ones; PostgreSQL names those of identities itself."""
    wrong = other_names(scratch.read(live), {name: _sequences_of(table) for name, table in live.items()})
    for number, one in enumerate(wrong):
        scratch.change([f"ALTER SEQUENCE {quoted(one.old)} RENAME TO {quoted(f'medusa_migrations_{number}')}"])
    for number, one in enumerate(wrong):
        scratch.change([f"ALTER SEQUENCE {quoted(f'medusa_migrations_{number}')} RENAME TO {quoted(one.new)}"])


def _sequences_of(table: Table) -> Table:
    return Table(table.name, table.columns)
