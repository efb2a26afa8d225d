"""How the values of a column become those of another type: by themselves, by a cast, with a loss, or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass

from medusa_migrations.sql.names import quoted

from .phases import DraftStatement, Phase
from .remade import Place
from .tables import Column


@dataclass(frozen=True)
class Casts:
    """Which columns that get another type need an explicit cast for that, and for which there is none.

    Those in neither set are cast by PostgreSQL without being told to.
    """

    explicit: frozenset[Place] = frozenset()
    impossible: frozenset[Place] = frozenset()


def change_type(table: str, old: Column, new: Column, casts: Casts) -> DraftStatement:
    """The statement that gives a column of `table` its new type and collation, and says what that loses and locks."""
    collation = f" COLLATE {new.collation}" if new.collation else ' COLLATE "default"' if old.collation else ""
    is_explicit = (table, new.name) in casts.explicit
    # An explicit cast to a length would cut; after one without it the assignment checks.
    cast = re.sub(r"^(character varying)\(\d+\)", r"\1", new.type)
    using = f" USING {quoted(new.name)}::{cast}" if is_explicit else ""
    is_lossy = old.type != new.type and (is_explicit or not _is_lossless(old.type, new.type))
    return DraftStatement(
        Phase.ALTER_COLUMN,
        f"ALTER TABLE {quoted(table)} ALTER COLUMN {quoted(new.name)} TYPE {new.type}{collation}{using}",
        loses=f"what {new.type} cannot hold of {table}.{new.name}, which was {old.type}" if is_lossy else "",
        note="" if _is_widening(old, new) else _note(table, old, new),
    )


def _is_widening(old: Column, new: Column) -> bool:
    """Whether every text of the old type is one of the new, so that nothing is written anew."""
    before = re.fullmatch(r"character varying(?:\((\d+)\))?", old.type)
    after = re.fullmatch(r"character varying(?:\((\d+)\))?|text", new.type)
    if not before or not after or old.collation != new.collation:
        return False
    return after[1] is None or (before[1] is not None and int(before[1]) <= int(after[1]))


def _is_lossless(old: str, new: str) -> bool:
    """Whether every value of one type is one of the other, or is refused by the server where it is not."""
    if re.match("character varying|character|text", new):
        return True  # too long a text is an error
    sizes = ("smallint", "integer", "bigint", "numeric")
    if old in sizes and new in sizes:
        return True  # out of range is an error
    before, after = (re.fullmatch(r"numeric\((\d+),(\d+)\)", one) for one in (old, new))
    return bool(before and after and int(before[2]) <= int(after[2]))


def _note(table: str, old: Column, new: Column) -> str:
    """What somebody should look at before a column gets another type."""
    note = f"Writes all of {table} anew, or reads all of it, and locks it."
    length = re.fullmatch(r"character varying\((\d+)\)", new.type)
    if length and re.match("character varying|text|citext", old.type):
        note += f" Trailing blanks beyond {length[1]} characters are cut; a longer value is an error."
    return note
