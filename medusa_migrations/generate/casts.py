"""How the values of a column become those of another type: by themselves, by a cast, with a loss, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from medusa_migrations.messages import N_, joined
from medusa_migrations.sql.names import quoted

from .phases import DraftStatement, Phase
from .remade import Place
from .tables import Column

# Besides numbers: what has a place in the other type for each of its values, or is refused.
_WIDER = {
    ("date", "timestamp with time zone"),
    ("date", "timestamp without time zone"),
    ("real", "double precision"),
    ("smallint", "double precision"),
    ("integer", "double precision"),
    ("cidr", "inet"),
}


@dataclass(frozen=True)
class Casts:
    """Which columns that get another type need an explicit cast for that, and for which there is none.

    Those in neither set are cast by PostgreSQL without being told to.
    """

    explicit: frozenset[Place] = frozenset()
    impossible: frozenset[Place] = frozenset()


def change_type(table: str, old: Column, new: Column, casts: Casts) -> DraftStatement:
    """The statement that gives a column of `table` its new type and collation, and says what that loses."""
    collation = f" COLLATE {new.collation}" if new.collation else ' COLLATE "default"' if old.collation else ""
    is_explicit = (table, new.name) in casts.explicit
    # An explicit cast to a length would cut; after one without it the assignment checks.
    cast = re.sub(r"^(character varying)\(\d+\)", r"\1", new.type)
    using = f" USING {quoted(new.name)}::{cast}" if is_explicit else ""
    is_lossy = old.type != new.type and (is_explicit or not _is_lossless(old.type, new.type))
    loses = N_(
        "what {new} cannot hold of {table}.{column}, which was {old}",
        new=new.type,
        table=table,
        column=new.name,
        old=old.type,
    )
    return DraftStatement(
        Phase.RETYPE,
        f"ALTER TABLE {quoted(table)} ALTER COLUMN {quoted(new.name)} TYPE {new.type}{collation}{using}",
        loses=loses if is_lossy else "",
        note=_note(table, old, new),
        retypes=table,
    )


def retyped_together(statements: Iterable[DraftStatement]) -> list[DraftStatement]:
    """The statements, with those as one that follow each other and give columns of one table new types.

    Each by itself would write the whole table anew (manual, ALTER TABLE, notes).
    """
    found: list[DraftStatement] = []
    for table, group in groupby(statements, key=lambda statement: statement.retypes):
        together = list(group)
        found += [_joined(f"ALTER TABLE {quoted(table)}", together)] if table and together[1:] else together
    return found


def _joined(alter: str, statements: Sequence[DraftStatement]) -> DraftStatement:
    """One statement for several that `alter` begins; a sentence that all have in their notes comes once."""
    actions = ",\n    ".join(one.sql.removeprefix(f"{alter} ") for one in statements)
    sentences = [sentence for one in statements for sentence in re.split(r"(?<=\.) ", one.note) if sentence]
    return replace(
        statements[0],
        sql=f"{alter}\n    {actions}",
        loses=joined(", and ", [one.loses for one in statements if one.loses]),
        note=" ".join(dict.fromkeys(sentences)),
    )


def _is_lossless(old: str, new: str) -> bool:
    """Whether every value of one type is one of the other, or is refused by the server where it is not."""
    if re.match("character varying|character|text", new):
        return True  # too long a text is an error
    if new.endswith("[]"):
        return old.endswith("[]") and _is_lossless(old.removesuffix("[]"), new.removesuffix("[]"))
    sizes = ("smallint", "integer", "bigint", "numeric")
    if old in sizes and new in sizes:
        return True  # out of range is an error
    if (old, new) in _WIDER:
        return True
    before, after = (re.fullmatch(r"numeric\((\d+),(\d+)\)", one) for one in (old, new))
    if before:
        return new == "numeric" or bool(after and int(before[2]) <= int(after[2]))
    return bool(after and old in sizes[:3])


def _note(table: str, old: Column, new: Column) -> str:
    """What somebody should look at before a column gets another type."""
    before, after = (re.fullmatch(r"(?:character varying|text|citext)(?:\((\d+)\))?", one.type) for one in (old, new))
    if before and after and after[1] and (before[1] is None or int(before[1]) > int(after[1])):
        name = f"{table}.{new.name}"
        return N_(
            "Trailing blanks beyond {length} characters of {name} are cut; a longer value is an error.",
            length=after[1],
            name=name,
        )
    return ""
