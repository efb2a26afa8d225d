"""The statements that carry out changes so that nobody waits long: each is a transaction of its own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from medusa_migrations.messages import N_, joined
from medusa_migrations.sql.names import quoted

from .phases import DraftStatement, Phase
from .remade import Place
from .render import (
    Rendering,
    alter_table,
    comment_on,
    object_sql,
    update,
    validate,
)
from .tables import Column, Constraint, Index, Table
from .wanted import NAME_LENGTH

_COLUMNS = r'\((?:"(?:[^"]|"")+"|[^")])+\)'
# A key as PostgreSQL prints it; the catalog adds the tablespace.
_KEY = re.compile(
    rf"(PRIMARY KEY|UNIQUE)( NULLS NOT DISTINCT)? ({_COLUMNS}(?: INCLUDE {_COLUMNS})?)( WITH \([^)]*\))?"
    r"(?: USING INDEX( TABLESPACE .+?))?( DEFERRABLE.*)?"
)


@dataclass(frozen=True)
class OnlineRendering(Rendering):
    """Turns each change into short statements.

    Columns that are `slow` are added without their default, as that would write the table anew. `can_wait` tells
    whether the server can make a foreign key of a partitioned table without a look at the rows.
    """

    slow: Collection[Place]
    can_wait: bool

    def create_column(self, table: str, column: Column) -> Iterator[DraftStatement]:
        """A slow column gets its default for new rows alone; those that are there are filled later."""
        place, is_slow = (table, column.name), (table, column.name) in self.slow
        first, *more = super().create_column(table, replace(column, default=None) if is_slow else column)
        yield replace(first, note=self.values[place].note) if place in self.values else first
        if is_slow:
            set_default = f"ALTER COLUMN {quoted(column.name)} SET DEFAULT {column.default}"
            yield DraftStatement(Phase.ADD_COLUMN, f"{alter_table(table)} {set_default}")
        yield from more

    def require(
        self, phase: Phase, table: str, column: Column, note: str = "", is_unfinished: bool = False
    ) -> Iterator[DraftStatement]:
        """By a check that is valid, PostgreSQL knows that no row is null and reads none (manual, ALTER TABLE)."""
        name = _name(f"{table}_{column.name}", "_required")
        check = f"CHECK ({quoted(column.name)} IS NOT NULL)"
        yield replace(_not_valid(phase, table, name, check), note=note, is_unfinished=is_unfinished)
        yield validate(phase, table, name)
        yield from super().require(phase, table, column)
        yield DraftStatement(phase, f"{alter_table(table)} DROP CONSTRAINT {quoted(name)}")

    def fill(self, table: str, column: Column, value: str, note: str) -> Iterator[DraftStatement]:
        """No deferred check is left behind a transaction of its own."""
        yield update(table, column.name, value, note)

    def drop_table(self, table: Table) -> Iterator[DraftStatement]:
        """Its foreign keys go one by one, so that no statement locks several tables in use."""
        for constraint in table.constraints.values():
            if constraint.kind == "f" and constraint.ref_table not in self.dropped:
                yield self.drop_constraint(table.name, constraint)
        yield from super().drop_table(table)

    def exchange(
        self, table: str, old: Constraint | Index | None, new: Constraint | Index | None
    ) -> Iterator[DraftStatement]:
        """What is made again under its name is there all the time, save for a foreign key and what is in the way."""
        if old is None or new is None or self._is_partitioned(table) or self._is_in_the_way(table, old):
            yield from super().exchange(table, old, new)
        elif isinstance(old, Index) and isinstance(new, Index):
            yield from self._exchange_index(table, old, new)
        elif isinstance(old, Constraint) and isinstance(new, Constraint) and (old.kind, new.kind) == ("c", "c"):
            yield from self._exchange_check(table, old, new)
        elif isinstance(old, Constraint) and isinstance(new, Constraint) and {old.kind, new.kind} <= {"p", "u"}:
            yield from self._add_key(table, new, instead_of=old)
        else:
            yield from super().exchange(table, old, new)

    def drop_index(self, table: str, index: Index) -> DraftStatement:
        """Behind those that are made, so that queries have one, unless a key, a name or a type depends on the order."""
        if self._is_partitioned(table):
            return super().drop_index(table, index)
        is_early = index.unique or index.name in self.taken or self._is_in_the_way(table, index)
        phase = Phase.DROP_CONSTRAINT if is_early else Phase.DROP_INDEX
        return DraftStatement(phase, f"DROP INDEX CONCURRENTLY {quoted(index.name)}")

    def create_constraint(self, table: str, constraint: Constraint) -> Iterator[DraftStatement]:
        """First for new rows, and then for those that are there; a key by its index."""
        if table not in self.old or not constraint.valid:
            yield from super().create_constraint(table, constraint)
        elif self._has_only_one_way(table, constraint):
            yield from self._only_way(table, super().create_constraint(table, constraint))
        elif constraint.kind in "cf":
            (plain, *comments) = super().create_constraint(table, constraint)
            yield replace(plain, sql=f"{plain.sql} NOT VALID")
            yield validate(plain.phase, table, constraint.name)
            yield from comments
        else:
            yield from self._add_key(table, constraint)

    def create_index(self, table: str, index: Index) -> Iterator[DraftStatement]:
        """While others read and write, if the table is there."""
        statements = super().create_index(table, index)
        if table not in self.old:
            yield from statements
        elif self._is_partitioned(table):
            yield from self._only_way(table, statements)
        else:
            plain, *comments = statements
            yield replace(plain, sql=plain.sql.replace("INDEX", "INDEX CONCURRENTLY", 1))
            yield from comments

    def _exchange_index(self, table: str, old: Index, new: Index) -> Iterator[DraftStatement]:
        meanwhile = replace(new, name=_name(new.name, "_new"), comment=None)
        yield from self.create_index(table, meanwhile)
        yield DraftStatement(Phase.ADD_INDEX, f"DROP INDEX CONCURRENTLY {quoted(old.name)}")
        rename = f"ALTER INDEX {quoted(meanwhile.name)} RENAME TO {quoted(new.name)}"
        yield DraftStatement(Phase.ADD_INDEX, rename)
        yield from comment_on(object_sql(table, new), new.comment)

    def _exchange_check(self, table: str, old: Constraint, new: Constraint) -> Iterator[DraftStatement]:
        drop = f"DROP CONSTRAINT {quoted(old.name)}, "
        yield _not_valid(Phase.ADD_CONSTRAINT, table, new.name, new.definition, before=drop)
        if new.valid:
            yield validate(Phase.ADD_CONSTRAINT, table, new.name)
        yield from comment_on(object_sql(table, new), new.comment)

    def _add_key(self, table: str, new: Constraint, instead_of: Constraint | None = None) -> Iterator[DraftStatement]:
        """A key by its unique index, which takes its name; at once instead of another one."""
        key = None if "WITHOUT OVERLAPS" in new.definition else _KEY.fullmatch(new.definition)
        if key is None:
            yield from [self.drop_constraint(table, instead_of)] if instead_of else []
            yield from super().create_constraint(table, new)
            return
        word, nulls, columns, options, space, deferrable = (text or "" for text in key.groups())
        name = _name(new.name, "_new") if instead_of else new.name
        build = f"CREATE UNIQUE INDEX CONCURRENTLY {quoted(name)} ON {quoted(table)} USING btree"
        yield DraftStatement(Phase.ADD_CONSTRAINT, f"{build} {columns}{nulls}{options}{space}")
        drop = f"DROP CONSTRAINT {quoted(instead_of.name)}, " if instead_of else ""
        add = f"ADD CONSTRAINT {quoted(new.name)} {word} USING INDEX {quoted(name)}{deferrable}"
        yield DraftStatement(Phase.ADD_CONSTRAINT, f"{alter_table(table)} {drop}{add}")
        yield from comment_on(object_sql(table, new), new.comment)

    def _has_only_one_way(self, table: str, constraint: Constraint) -> bool:
        is_late_key = constraint.kind == "f" and not self.can_wait
        return self._is_partitioned(table) and (constraint.kind in "pux" or is_late_key)

    def _only_way(self, table: str, statements: Iterator[DraftStatement]) -> Iterator[DraftStatement]:
        first, *comments = statements
        note = N_(
            "{table} is partitioned, and so others wait for this: PostgreSQL has no other way for the whole of it.",
            table=table,
        )
        yield replace(first, note=joined(" ", filter(None, [first.note, note])), is_only_way=True)
        yield from comments

    def _is_in_the_way(self, table: str, thing: Constraint | Index) -> bool:
        """Whether a column of it gets another type, or may be null while a primary key is on it."""
        old, new = self.old[table].columns, self.new[table].columns
        is_key = isinstance(thing, Constraint) and thing.kind == "p"
        return any(
            old[one].type != new[one].type or (is_key and not new[one].not_null)
            for one in thing.uses
            if one in old and one in new
        )

    def _is_partitioned(self, table: str) -> bool:
        return table in self.old and self.old[table].partitioned is not None


def _name(text: str, ending: str) -> str:
    """A name for the time of a change, cut to what PostgreSQL takes."""
    return text.encode()[: NAME_LENGTH - len(ending)].decode(errors="ignore") + ending


def _not_valid(phase: Phase, table: str, name: str, definition: str, *, before: str = "") -> DraftStatement:
    add = f"ADD CONSTRAINT {quoted(name)} {definition} NOT VALID"
    return DraftStatement(phase, f"{alter_table(table)} {before}{add}")
