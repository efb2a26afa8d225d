"""Names of constraints, indexes and sequences that are others than the models would give, by how a table came about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.lint.wording import listed
from medusa_migrations.messages import N_
from medusa_migrations.sql.names import literal, quoted

from .phases import DraftStatement, Phase
from .renames import MEANWHILE, Rename, renaming
from .tables import Column, Constraint, Index, Tables

_Named = TypeVar("_Named", Constraint, Index)

# How many of a kind: one, and several.
_COUNTED = {
    "constraint": (N_("{count} constraint"), N_("{count} constraints")),
    "index": (N_("{count} index"), N_("{count} indexes")),
    "sequence": (N_("{count} sequence"), N_("{count} sequences")),
}

_NOTE = N_(
    "Names: each is given only where the old one is there, as a database that came about otherwise has the new one."
)

# A relation's name is taken for the whole schema, a constraint's for its table.
_TAKEN = """
SELECT NULL::text, c.relname::text FROM pg_catalog.pg_class c
WHERE c.relnamespace = %s::oid AND c.relname = ANY (%s::text[])
UNION ALL
SELECT c.relname::text, k.conname::text
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = %s::oid AND c.relname = ANY (%s::text[]) AND k.conname = ANY (%s::text[])
"""


@dataclass(frozen=True, slots=True)
class OtherName(Rename):
    """Something of `table` that is named `old`, and would be `new` if Django made it of the models.

    `is_relation` tells that its name is one among relations, as that of a key, which has an index. `definition` is that
    of a constraint or an index, and of a sequence the column.
    """

    kind: Literal["constraint", "index", "sequence"] = "constraint"
    is_relation: bool = True
    definition: str = ""

    def waits_for(self, other: Rename) -> bool:
        """Whether the new name is free only when the other one is done."""
        assert isinstance(other, OtherName)
        return not self.places(self.new).isdisjoint(other.places(other.old))

    def places(self, name: str) -> set[tuple[str | None, str]]:
        """Where it takes a name: among the relations of the schema, the constraints of its table, or both."""
        among_relations: set[tuple[str | None, str]] = {(None, name)} if self.is_relation else set()
        return among_relations | ({(self.table, name)} if self.kind == "constraint" else set())

    @property
    def statement(self) -> DraftStatement:
        """The statement that carries it out, if there is something of the old name and nothing of the new."""
        conditions = [self._is_there(self.old), self._is_missing(self.new)]
        if self.new == MEANWHILE:  # of names that go round in a circle all are there, before and after
            conditions.append(self._is_this())
        table, old, new = quoted(self.table or ""), quoted(self.old), quoted(self.new)
        rename = (
            f"TABLE {table} RENAME CONSTRAINT {old}"
            if self.kind == "constraint"
            else f"{self.kind.upper()} {old} RENAME"
        )
        condition = "\n    AND ".join(conditions)
        sql = f"DO $names$ BEGIN\nIF {condition} THEN\n    ALTER {rename} TO {new};\nEND IF;\nEND $names$"
        return DraftStatement(Phase.RENAME, sql)

    def _is_there(self, name: str, more: str = "") -> str:
        if self.kind != "constraint":
            return f"to_regclass({literal(quoted(name))}) IS NOT NULL"
        table = f"conrelid = {literal(quoted(self.table or ''))}::regclass"
        return f"EXISTS (SELECT FROM pg_constraint WHERE {table} AND conname = {literal(name)}{more})"

    def _is_missing(self, name: str) -> str:
        if self.kind != "constraint":
            return f"to_regclass({literal(quoted(name))}) IS NULL"
        return f"NOT {self._is_there(name)}"

    def _is_this(self) -> str:
        """Whether it is this that has the old name, as an expression in SQL."""
        found, definition = f"to_regclass({literal(quoted(self.old))})", literal(self.definition)
        if self.kind == "constraint":
            return self._is_there(self.old, f" AND starts_with(pg_get_constraintdef(oid, true), {definition})")
        if self.kind == "index":
            return f"right(pg_get_indexdef({found}::oid, 0, true), {len(self.definition)}) = {definition}"
        owner = f"pg_get_serial_sequence({literal(quoted(self.table or ''))}, {definition})"
        return f"{owner}::regclass::oid = {found}::oid"


def other_names(live: Tables, models: Tables, explicit_names: Collection[str] = ()) -> list[OtherName]:
    """What has another name in `live` than in `models`, and is the same but for that.

    What has one of the `explicit_names`, those that an author gave, or is to have it, is a change like others.
    """
    found = []
    for name in sorted(live.keys() & models.keys()):
        old, new = live[name], models[name]
        found += [_constraint(name, *pair) for pair in _same(old.constraints, new.constraints)]
        found += [_index(name, *pair) for pair in _same(old.indexes, new.indexes)]
        found += _sequences(name, old.columns, new.columns)
    return [one for one in found if {one.old, one.new}.isdisjoint(explicit_names)]


def _same(old: Mapping[str, _Named], new: Mapping[str, _Named]) -> Iterator[tuple[_Named, _Named]]:
    """The pairs of one definition and two names."""
    left = [one for name, one in old.items() if name not in new or new[name].body != one.body]
    for name, after in new.items():
        if name in old and old[name].body == after.body:
            continue
        before = next((one for one in left if one.body == after.body), None)
        if before:
            left.remove(before)
            yield before, after


def _constraint(table: str, old: Constraint, new: Constraint) -> OtherName:
    return OtherName(old.name, new.name, table, "constraint", old.kind in "pux", old.definition)


def _index(table: str, old: Index, new: Index) -> OtherName:
    return OtherName(old.name, new.name, table, "index", definition=old.definition)


def _sequences(table: str, old: Mapping[str, Column], new: Mapping[str, Column]) -> Iterator[OtherName]:
    """The sequences of columns that count by one of their own, before and after."""
    for name in old.keys() & new.keys():
        before, after = old[name].sequence, new[name].sequence
        counts = old[name].counts_up and new[name].counts_up
        if before and after and counts and before.known_as != after.known_as:
            yield OtherName(before.known_as, after.known_as, table, "sequence", definition=name)


def in_words(names: Iterable[OtherName]) -> str:
    """A sentence that tells how many there are, and what to do about them; nothing where there are none."""
    counts: Counter[str] = Counter(one.kind for one in names)
    words = {kind: one if counts[kind] == 1 else many for kind, (one, many) in _COUNTED.items()}
    parts = [text.filled(count=counts[kind]) for kind, text in words.items() if counts[kind]]
    if not parts:
        return ""
    if counts.total() == 1:
        text = N_(
            "{names} has another name than the models would give: --rename-constraints writes a file that makes them "
            "equal."
        )
    else:
        text = N_(
            "{names} have other names than the models would give: --rename-constraints writes a file that makes them "
            "equal."
        )
    return text.filled(names=listed(parts))


def giving_names(names: Iterable[OtherName]) -> list[DraftStatement]:
    """The statements that give the new names."""
    first, *more = renaming(names)
    return [replace(first, note=_NOTE), *more]


def taking_names_back(names: Iterable[OtherName]) -> list[DraftStatement]:
    """The statements that give the old names again."""
    return renaming([one.back for one in names])


def refuse_taken_names(session: Session, namespace: int, names: Sequence[OtherName]) -> None:
    """Raise PlanError if a new name is that of something else in the schema, or of its table, which keeps it."""
    new, tables = [one.new for one in names], [one.table for one in names]
    rows = session.query(_TAKEN, [namespace, new, namespace, tables, new])
    taken = {*map(tuple, rows)} - {place for one in names for place in one.places(one.old)}
    wanted = Counter(place for one in names for place in one.places(one.new))
    refused = [one for one in names if any(place in taken or wanted[place] > 1 for place in one.places(one.new))]
    if refused:
        lines = "\n".join(f"  {one}" for one in refused)
        raise PlanError(
            N_(
                "The database has something else of these names, or they would be given twice:\n{names}\nNothing was "
                "written. Give what has the name another one by hand, or leave a name as it is by "
                "`-- migrate:keep {table}.{name}` in a migration of the app.",
                names=lines,
                table=refused[0].table,
                name=refused[0].old,
            )
        )
