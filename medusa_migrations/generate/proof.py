"""What only the server can tell, asked on a copy: which casts it has, and whether a part does what it should."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import Error

from medusa_migrations.database.postgresql import OUT_OF_MEMORY, server_error
from medusa_migrations.errors import MigrationError
from medusa_migrations.events import working
from medusa_migrations.messages import N_

from .casts import Casts
from .compare import Change
from .phases import DraftStatement
from .remade import Place
from .scratch import Scratch
from .tables import Column
from .watch import CopyWatch

_CANNOT_COERCE = "42846"
_DATATYPE_MISMATCH = "42804"
_CURE = N_("Nothing was written. Write this change by hand.")


class NotProven(MigrationError):
    """What was generated does not do what it should, so nothing was written."""


def run_part(
    scratch: Scratch, part: str, statements: Sequence[DraftStatement], watch: CopyWatch
) -> list[DraftStatement]:
    """Run the statements of a part, "up" or "down", on the tables in a scratch, and give them back with their findings.

    Raises NotProven with the statement that fails, and django.db.Error if the server has no room for more locks.
    """
    if not statements:
        return []
    watch.resume()
    judged = []
    for statement in working(N_("proving the {part} part", part=part), statements, len(statements), scratch.listener):
        try:
            scratch.change([statement.sql])
            judged.append(watch.judged(statement))
        except Error as error:
            if server_error(error).sqlstate == OUT_OF_MEMORY:
                raise
            raise NotProven(
                N_(
                    "The generated {part} part does not run: {message}\n  {sql}\n{cure}",
                    part=part,
                    message=server_error(error).message,
                    sql=statement.sql,
                    cure=_CURE,
                )
            ) from error
    return judged


def refuse_difference(part: str, left: Sequence[Change]) -> None:
    """Raise NotProven if any changes are `left` to be done after a part, "up" or "down", has run."""
    if left:
        differences = "\n".join(f"  {change.op} {change.table}.{change.thing.name}" for change in left)
        raise NotProven(
            N_(
                "After the generated {part} part these differences are left:\n{differences}\n{cure}",
                part=part,
                differences=differences,
                cure=_CURE,
            )
        )


def find_casts(scratch: Scratch, changes: Iterable[Change]) -> Casts:
    """Which of the columns that get another type need an explicit cast for that, and which cannot be cast."""
    explicit: set[Place] = set()
    impossible: set[Place] = set()
    for change in changes:
        old, new = change.old, change.new
        if not isinstance(old, Column) or not isinstance(new, Column) or old.type == new.type:
            continue
        alter = (
            f"CREATE TEMP TABLE medusa_migrations_cast (c {old.type}); ALTER TABLE medusa_migrations_cast ALTER c TYPE"
        )
        if not can_do(scratch, f"{alter} {new.type}"):
            on_demand = can_do(scratch, f"{alter} {new.type} USING c::{new.type}")
            (explicit if on_demand else impossible).add((change.table, new.name))
    return Casts(frozenset(explicit), frozenset(impossible))


def can_do(scratch: Scratch, sql: str) -> bool:
    """Whether PostgreSQL has the cast or the comparison that `sql` needs.

    Raises django.db.Error if it fails for another reason.
    """
    with scratch.undone():
        try:
            scratch.execute([sql])
        except Error as error:
            if server_error(error).sqlstate not in (_CANNOT_COERCE, _DATATYPE_MISMATCH):
                raise
            return False
    return True
