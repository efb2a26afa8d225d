"""From changes to the statements that carry them out, in an order that works."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from medusa_migrations.messages import N_
from medusa_migrations.sql.names import literal, quoted

from .along import drop_order, goes_along
from .casts import Casts, change_type, retyped_together
from .compare import Change
from .phases import DraftStatement, Phase
from .remade import Place, going_columns, with_remade
from .tables import Column, Constraint, Counter, Index, Table, Tables
from .values import Value, value_for_old_rows

_KINDS = {"a": "ALWAYS", "d": "BY DEFAULT"}


def render(
    changes: Iterable[Change],
    old: Tables,
    new: Tables,
    values: Mapping[Place, Value],
    casts: Casts,
    rendering: Callable[..., Rendering] | None = None,
) -> list[DraftStatement]:
    """The statements that carry out `changes`, which lead from `old` to `new`, in the order of their phases.

    `values` are for rows that are there, by table and column. `casts` tells how values get their new types. `rendering`
    is another way to carry them out than that of `Rendering`.
    """
    all_changes = with_remade(changes, old, new, casts.impossible)
    dropped = drop_order(_dropped(all_changes))
    all_changes.sort(key=lambda change: dropped.index(change.table) if change.table in dropped else -1)
    taken, going = _taken_names(all_changes), going_columns(all_changes, old, new, casts.impossible)
    along = goes_along(all_changes, going, taken)
    targets, renamed = _targets(all_changes), _new_names(all_changes)
    way = (rendering or Rendering)(old, new, values, casts, taken, dropped, along, targets, renamed)
    statements = [statement for change in all_changes for statement in way.statements_of(change)]
    return retyped_together(sorted(statements, key=lambda statement: statement.phase))


def create_tables(tables: Tables) -> list[str]:
    """The statements that make `tables` from nothing."""
    changes = [Change("create", name, new=table) for name, table in tables.items()]
    return [statement.sql for statement in render(changes, {}, tables, {}, Casts())]


def _taken_names(changes: Iterable[Change]) -> frozenset[str]:
    """The names of constraints and indexes that are made, so that what has such a name and goes must go before."""
    found: set[str] = set()
    for change in changes:
        if isinstance(change.new, Table) and change.op == "create":
            found |= {*change.new.constraints, *change.new.indexes}
        elif isinstance(change.new, Constraint | Index):
            found.add(change.new.name)  # what is renamed to it counts too
    return frozenset(found)


def _new_names(changes: Iterable[Change]) -> frozenset[str]:
    """The names that constraints and indexes get which are renamed."""
    return frozenset(change.new.name for change in changes if change.op == "rename" and change.new)


def _dropped(changes: Iterable[Change]) -> dict[str, Table]:
    """The tables that are dropped."""
    return {change.table: change.old for change in changes if change.op == "drop" and isinstance(change.old, Table)}


def _targets(changes: Iterable[Change]) -> dict[tuple[str, tuple[str, ...]], Constraint]:
    """The foreign keys that go, by their table and columns."""
    return {
        (change.table, change.old.columns): change.old
        for change in changes
        if change.op in ("drop", "alter") and isinstance(change.old, Constraint) and change.old.ref_table
    }


@dataclass(frozen=True)
class Rendering:
    """Turns each change into statements, which depend on the others too.

    `old` are the tables as they are, and `new` as they will be. `taken` are names of constraints and indexes that are
    made, `dropped` the tables that go in their order, and `along` the constraints and indexes that go by themselves
    with a column. `targets` are the foreign keys that go, by their table and columns. `renamed` are the names that
    others get which stay.
    """

    old: Tables
    new: Tables
    values: Mapping[Place, Value]
    casts: Casts
    taken: frozenset[str]
    dropped: Sequence[str]
    along: Collection[Place]
    targets: Mapping[tuple[str, tuple[str, ...]], Constraint]
    renamed: frozenset[str]

    def statements_of(self, change: Change) -> Iterator[DraftStatement]:
        """The statements for one change, whatever it is of."""
        match change:
            case Change("create", _, _, Table() as new):
                yield from self.create_table(new)
            case Change("drop", _, Table() as old):
                yield from self.drop_table(old)
            case Change("alter", _, Table() as old, Table() as new):
                yield from self.alter_table(old, new)
            case Change("create", table, _, Column() as new):
                yield from self.create_column(table, new)
            case Change("drop", table, Column() as old):
                yield from self.drop_column(table, old)
            case Change("alter", table, Column() as old, Column() as new):
                yield from self.alter_column(table, old, new)
            case Change("rename", table, (Constraint() | Index()) as old, (Constraint() | Index()) as new):
                yield _rename(table, old, new)
            case Change("validate", table, _, Constraint() as new):
                yield validate(Phase.ADD_FOREIGN_KEY, table, new.name)
            case Change(_, table, (None | Constraint() | Index()) as old, (None | Constraint() | Index()) as new):
                if change.is_of_comment and new:
                    yield from comment_on(object_sql(table, new), new.comment, was=old.comment if old else None)
                elif old is None or (table, old.name) not in self.along:
                    makes_room = old is not None and new is None and old.name in self.renamed
                    statements = self.exchange(table, old, new)
                    yield from (_early(one) for one in statements) if makes_room else statements

    def create_table(self, table: Table) -> Iterator[DraftStatement]:
        """A table with all that it has; its foreign keys and indexes have statements of their own."""
        parts = [column_sql(column) for column in table.columns.values()]
        inline = [one for one in table.constraints.values() if one.kind != "f" and one.valid]
        parts += [f"CONSTRAINT {quoted(one.name)} {one.definition}" for one in inline]
        space = f" TABLESPACE {quoted(table.tablespace)}" if table.tablespace else ""
        body = ",\n    ".join(parts)
        partitions = f" PARTITION BY {table.partitioned}" if table.partitioned else ""
        sql = f"CREATE TABLE {quoted(table.name)} (\n    {body}\n){partitions}{space}"
        yield DraftStatement(Phase.CREATE_TABLE, sql)
        for column in table.columns.values():
            if column.owned_sequence:
                yield _create_sequence(Phase.CREATE_SEQUENCE, column.owned_sequence)
                yield _own_sequence(Phase.CREATE_TABLE, table.name, column, column.owned_sequence)
        for constraint in table.constraints.values():
            if constraint.kind == "f" or not constraint.valid:
                yield from self.create_constraint(table.name, constraint)
            else:
                yield from comment_on(
                    f"CONSTRAINT {quoted(constraint.name)} ON {quoted(table.name)}", constraint.comment
                )
        for index in table.indexes.values():
            yield from self.create_index(table.name, index)
        yield from comment_on(f"TABLE {quoted(table.name)}", table.comment)
        for column in table.columns.values():
            yield from comment_on(f"COLUMN {quoted(table.name)}.{quoted(column.name)}", column.comment)

    def drop_table(self, table: Table) -> Iterator[DraftStatement]:
        """Before the table goes, its foreign keys to others that go first, and what has a name that is wanted again."""
        gone_before = self.dropped[: self.dropped.index(table.name)]
        for constraint in table.constraints.values():
            if constraint.kind == "f" and constraint.ref_table in gone_before:
                yield self.drop_constraint(table.name, constraint)
            elif constraint.kind in "pux" and constraint.name in self.taken:
                yield replace(self.drop_constraint(table.name, constraint), phase=Phase.MAKE_ROOM)
        for index in table.indexes.values():
            if index.name in self.taken:
                yield DraftStatement(Phase.MAKE_ROOM, f"DROP INDEX {quoted(index.name)}")
        yield DraftStatement(
            Phase.DROP_TABLE,
            f"DROP TABLE {quoted(table.name)}",
            loses=N_("the table {table} with all its rows", table=table.name),
        )

    def alter_table(self, old: Table, new: Table) -> Iterator[DraftStatement]:
        """The comment and the tablespace of a table."""
        if old.comment != new.comment:
            yield from comment_on(f"TABLE {quoted(new.name)}", new.comment, was=old.comment)
        if old.tablespace != new.tablespace:
            space = quoted(new.tablespace or "pg_default")
            yield DraftStatement(Phase.ALTER_COLUMN, f"{alter_table(new.name)} SET TABLESPACE {space}")

    def create_column(self, table: str, column: Column) -> Iterator[DraftStatement]:
        """A column of a table that is there, with the values of its rows."""
        phase = Phase.ADD_COLUMN if column.generated is None else Phase.ADD_GENERATED
        if column.owned_sequence:
            yield _create_sequence(phase, column.owned_sequence)
            yield DraftStatement(phase, f"{alter_table(table)} ADD COLUMN {column_sql(column)}")
            yield _own_sequence(phase, table, column, column.owned_sequence)
        elif not column.fills_itself and (column.not_null or (table, column.name) in self.values):
            yield from self.create_filled_column(table, column)
        else:
            yield DraftStatement(phase, f"{alter_table(table)} ADD COLUMN {column_sql(column)}")
        yield from comment_on(f"COLUMN {quoted(table)}.{quoted(column.name)}", column.comment)

    def create_filled_column(self, table: str, column: Column) -> Iterator[DraftStatement]:
        """A column with a value for rows that are there; where none can be had a person must write it in."""
        value, note = value_for_old_rows(self.values, self.new[table], column)
        alter = f"{alter_table(table)} ALTER COLUMN {quoted(column.name)}"
        if value is None:
            reason = note or N_("no value could be invented for rows that are there, as for a key none may be")
            yield DraftStatement(
                Phase.ADD_COLUMN,
                f"{alter_table(table)} ADD COLUMN {column_sql(replace(column, not_null=False))}",
                note=N_(
                    "Fill {table}.{column} below this: {reason}. Without rows nothing is to be done.",
                    table=table,
                    column=column.name,
                    reason=reason,
                ),
                is_unfinished=True,
            )
            if column.not_null:
                yield from self.require(Phase.ADD_COLUMN, table, column)
        else:
            sql = f"{alter_table(table)} ADD COLUMN {column_sql(replace(column, default=value))}"
            yield DraftStatement(Phase.ADD_COLUMN, sql, note=note)
            yield DraftStatement(Phase.ADD_COLUMN, f"{alter} DROP DEFAULT")

    def require(
        self, phase: Phase, table: str, column: Column, note: str = "", is_unfinished: bool = False
    ) -> Iterator[DraftStatement]:
        """NOT NULL for a column of which all rows have a value."""
        alter = f"{alter_table(table)} ALTER COLUMN {quoted(column.name)}"
        yield DraftStatement(phase, f"{alter} SET NOT NULL", note=note, is_unfinished=is_unfinished)

    def fill(self, table: str, column: Column, value: str, note: str) -> Iterator[DraftStatement]:
        """A value for the rows that have none."""
        yield update(table, column.name, value, note)
        # Or the next ALTER fails on what a deferred foreign key has yet to check ("pending trigger events").
        yield DraftStatement(Phase.ALTER_COLUMN, "SET CONSTRAINTS ALL IMMEDIATE")

    def drop_column(self, table: str, column: Column, phase: Phase = Phase.DROP_COLUMN) -> Iterator[DraftStatement]:
        """A column that goes, in `phase`; a generated one goes earlier, and loses nothing."""
        is_generated = column.generated is not None
        yield DraftStatement(
            Phase.DROP_GENERATED if is_generated else phase,
            f"{alter_table(table)} DROP COLUMN {quoted(column.name)}",
            loses="" if is_generated else N_("the values of {table}.{column}", table=table, column=column.name),
        )

    def alter_column(self, table: str, old: Column, new: Column) -> Iterator[DraftStatement]:
        """A column that becomes another one: in place, or dropped and added where PostgreSQL has no other way."""
        is_remade = (old.generated is None) != (new.generated is None) or (
            old.generated is not None and replace(old, comment=None) != replace(new, comment=None)
        )
        if is_remade or (old.generated is not None and old == new) or (table, new.name) in self.casts.impossible:
            for statement in self.drop_column(table, old, Phase.DROP_UNCASTABLE):
                if (table, new.name) in self.casts.impossible:
                    statement = replace(
                        statement, note=N_("PostgreSQL cannot cast {old} to {new}.", old=old.type, new=new.type)
                    )
                yield statement
            yield from self.create_column(table, new if new.counts_up else replace(new, sequence=None))
            return
        yield from self.alter_type_and_default(table, old, new)
        yield from self.alter_nullability(table, old, new)
        yield from self.alter_identity(table, old, new)
        if old.comment != new.comment:
            yield from comment_on(f"COLUMN {quoted(table)}.{quoted(new.name)}", new.comment, was=old.comment)

    def alter_type_and_default(self, table: str, old: Column, new: Column) -> Iterator[DraftStatement]:
        """The default is dropped before the type changes: it may be none of the new type, and is set after that."""
        alter = f"{alter_table(table)} ALTER COLUMN {quoted(new.name)}"
        before, after = old.owned_sequence, new.owned_sequence
        goes_on = old.serial and old.default == new.default
        if old.identity and not new.identity:
            yield from _drop_identity(table, old, after)
        if old.default is not None and not goes_on and (new.default is None or old.type != new.type):
            note = ""
            if before and after:
                note = N_("The sequence {sequence} stays, so that down can go on where it was.", sequence=before.name)
            yield DraftStatement(Phase.BEFORE_RETYPE, f"{alter} DROP DEFAULT", note=note)
        if (old.type, old.collation) != (new.type, new.collation):
            yield change_type(table, old, new, self.casts)
        if before and after and before.type != after.type:
            yield DraftStatement(Phase.ALTER_COLUMN, f"ALTER SEQUENCE {quoted(after.name)} AS {after.type}")
        if after and not before and not old.identity:
            yield _create_sequence(Phase.ALTER_COLUMN, after)
            yield _own_sequence(Phase.ALTER_COLUMN, table, new, after)
        if new.default is not None and not goes_on and (old.default != new.default or old.type != new.type):
            yield DraftStatement(Phase.ALTER_COLUMN, f"{alter} SET DEFAULT {new.default}")
        if before and not new.sequence:
            yield _drop_sequence(before)

    def alter_nullability(self, table: str, old: Column, new: Column) -> Iterator[DraftStatement]:
        """NOT NULL is dropped, or set after rows without a value were given one."""
        alter = f"{alter_table(table)} ALTER COLUMN {quoted(new.name)}"
        if old.not_null and not new.not_null:
            yield DraftStatement(Phase.ALTER_COLUMN, f"{alter} DROP NOT NULL")
        if old.not_null or not new.not_null:
            return
        value, note = value_for_old_rows(self.values, self.new[table], new)
        is_unfinished = value is None and not new.identity
        if is_unfinished:
            fails = N_("This fails if {table}.{column} is null in any row: fill it above this.")
            if note:
                fails = N_("This fails if {table}.{column} is null in any row: fill it above this, as {reason}.")
            note = fails.filled(table=table, column=new.name, reason=note)
        elif not new.identity:
            assert value is not None
            yield from self.fill(table, new, value, note)
            note = ""
        yield from self.require(Phase.ALTER_COLUMN, table, new, note, is_unfinished)

    def alter_identity(self, table: str, old: Column, new: Column) -> Iterator[DraftStatement]:
        """An identity or a serial that a column becomes, going on where it was and behind the values that are there."""
        alter = f"{alter_table(table)} ALTER COLUMN {quoted(new.name)}"
        if new.identity and not old.identity:
            if old.sequence:
                yield _own_sequence(Phase.ALTER_COLUMN, table, None, old.sequence)
            yield DraftStatement(Phase.ALTER_COLUMN, f"{alter} ADD {_identity_sql(new)}")
            if old.sequence:
                yield _carry_over(table, new, old.sequence)
                yield _drop_sequence(old.sequence)
        elif new.identity and new.identity != old.identity:
            yield DraftStatement(Phase.ALTER_COLUMN, f"{alter} SET GENERATED {_KINDS[new.identity]}")
        if new.sequence and new.counts_up and not old.counts_up:
            yield _set_sequence(table, new)

    def exchange(
        self, table: str, old: Constraint | Index | None, new: Constraint | Index | None
    ) -> Iterator[DraftStatement]:
        """Drop one, create another, or both."""
        if isinstance(old, Constraint):
            yield self.drop_constraint(table, old)
        elif old:
            yield self.drop_index(table, old)
        if isinstance(new, Constraint):
            yield from self.create_constraint(table, new)
        elif new:
            yield from self.create_index(table, new)

    def drop_constraint(self, table: str, constraint: Constraint) -> DraftStatement:
        """A constraint that goes; foreign keys go before the keys that they refer to."""
        phase = Phase.DROP_FOREIGN_KEY if constraint.kind == "f" else Phase.DROP_CONSTRAINT
        return DraftStatement(phase, f"{alter_table(table)} DROP CONSTRAINT {quoted(constraint.name)}")

    def drop_index(self, table: str, index: Index) -> DraftStatement:
        """An index that goes."""
        return DraftStatement(Phase.DROP_CONSTRAINT, f"DROP INDEX {quoted(index.name)}")

    def create_constraint(self, table: str, constraint: Constraint) -> Iterator[DraftStatement]:
        """A constraint with its comment; foreign keys come after the keys that they refer to."""
        phase = Phase.ADD_FOREIGN_KEY if constraint.kind == "f" else Phase.ADD_CONSTRAINT
        valid = "" if constraint.valid else " NOT VALID"
        yield DraftStatement(
            phase,
            f"{alter_table(table)} ADD CONSTRAINT {quoted(constraint.name)} {constraint.definition}{valid}",
            note=self.other_target(table, constraint),
        )
        yield from comment_on(object_sql(table, constraint), constraint.comment)

    def other_target(self, table: str, constraint: Constraint) -> str:
        """A note on a foreign key whose columns keep their values and referred to something else, or nothing."""
        before = self.targets.get((table, constraint.columns))
        kept = self.casts.impossible.isdisjoint((table, column) for column in constraint.columns)
        if before is None or constraint.ref_table is None or not kept or before.target == constraint.target:
            return ""
        columns = ", ".join(f"{table}.{column}" for column in constraint.columns)
        was, now = before.target, constraint.target
        return N_(
            "The values of {columns} were those of {was}, and are now taken as those of {now}.",
            columns=columns,
            was=was,
            now=now,
        )

    def create_index(self, table: str, index: Index) -> Iterator[DraftStatement]:
        """An index with its comment."""
        unique = "UNIQUE " if index.unique else ""
        yield DraftStatement(
            Phase.ADD_INDEX, f"CREATE {unique}INDEX {quoted(index.name)} ON {quoted(table)} {index.definition}"
        )
        yield from comment_on(object_sql(table, index), index.comment)


def _early(statement: DraftStatement) -> DraftStatement:
    """The same before the renames, at the latest."""
    return replace(statement, phase=min(statement.phase, Phase.MAKE_ROOM))


def validate(phase: Phase, table: str, name: str) -> DraftStatement:
    """The check of a constraint against the rows that are there, while others read and write them."""
    return DraftStatement(phase, f"{alter_table(table)} VALIDATE CONSTRAINT {quoted(name)}")


def update(table: str, column: str, value: str, note: str = "") -> DraftStatement:
    """The value for a column in the rows that have none."""
    sql = f"UPDATE {quoted(table)} SET {quoted(column)} = {value} WHERE {quoted(column)} IS NULL"
    return DraftStatement(Phase.ALTER_COLUMN, sql, note=note)


def column_sql(column: Column) -> str:
    """A column as CREATE TABLE and ADD COLUMN take it."""
    parts = [quoted(column.name), column.type]
    parts += [f"COLLATE {column.collation}"] if column.collation else []
    if column.generated is not None:
        parts.append(f"GENERATED ALWAYS AS ({column.generated}) {'VIRTUAL' if column.virtual else 'STORED'}")
    if column.identity:
        parts.append(_identity_sql(column))
    if column.default is not None:
        parts.append(f"DEFAULT {column.default}")
    parts += ["NOT NULL"] if column.not_null else []
    return " ".join(parts)


def alter_table(table: str) -> str:
    """What every change of a table begins with."""
    return f"ALTER TABLE {quoted(table)}"


def _rename(table: str, old: Constraint | Index, new: Constraint | Index) -> DraftStatement:
    if isinstance(old, Constraint):
        return DraftStatement(
            Phase.RENAME, f"{alter_table(table)} RENAME CONSTRAINT {quoted(old.name)} TO {quoted(new.name)}"
        )
    return DraftStatement(Phase.RENAME, f"ALTER INDEX {quoted(old.name)} RENAME TO {quoted(new.name)}")


def _identity_sql(column: Column) -> str:
    options = f" ({column.sequence.options})" if column.sequence and column.sequence.options else ""
    return f"GENERATED {_KINDS[column.identity]} AS IDENTITY{options}"


def _drop_identity(table: str, column: Column, idle: Counter | None) -> Iterator[DraftStatement]:
    """Have a column count no more; the `idle` sequence keeps the last number that was given out."""
    if idle:
        yield _create_sequence(Phase.BEFORE_RETYPE, idle)
        last = f"pg_sequence_last_value({_counter(table, column)}::regclass)"
        yield DraftStatement(
            Phase.BEFORE_RETYPE,
            f"SELECT setval({literal(quoted(idle.name))}, {last})",
            note=N_("The sequence {sequence} is for down, which goes on where the column was.", sequence=idle.name),
        )
    yield DraftStatement(Phase.BEFORE_RETYPE, f"{alter_table(table)} ALTER COLUMN {quoted(column.name)} DROP IDENTITY")
    if idle:
        yield _own_sequence(Phase.BEFORE_RETYPE, table, column, idle)


def _counter(table: str, column: Column) -> str:
    """SQL for the name of the sequence that a column has."""
    return f"pg_get_serial_sequence({literal(quoted(table))}, {literal(column.name)})"


def _create_sequence(phase: Phase, sequence: Counter) -> DraftStatement:
    options = "".join(f" {one}" for one in (f"AS {sequence.type}", sequence.options) if one)
    return DraftStatement(phase, f"CREATE SEQUENCE {quoted(sequence.name)}{options}")


def _own_sequence(phase: Phase, table: str, column: Column | None, sequence: Counter) -> DraftStatement:
    """Have a sequence go when its column goes, or with None for that not any more."""
    owner = f"{quoted(table)}.{quoted(column.name)}" if column else "NONE"
    return DraftStatement(phase, f"ALTER SEQUENCE {quoted(sequence.name)} OWNED BY {owner}")


def _drop_sequence(sequence: Counter) -> DraftStatement:
    return DraftStatement(Phase.ALTER_COLUMN, f"DROP SEQUENCE {quoted(sequence.name)}")


def _carry_over(table: str, column: Column, idle: Counter) -> DraftStatement:
    """Have a column's identity go on where the `idle` sequence is."""
    values = f"{_counter(table, column)}, last_value, is_called"
    return DraftStatement(Phase.ALTER_COLUMN, f"SELECT setval({values}) FROM {quoted(idle.name)}")


def _set_sequence(table: str, column: Column) -> DraftStatement:
    """Have a column's sequence go on where it is, or behind the values that are there."""
    last = f"SELECT max({quoted(column.name)}) FROM {quoted(table)}"
    first = f"GREATEST(nextval(counter), ({last}) + 1)"
    return DraftStatement(
        Phase.ALTER_COLUMN, f"SELECT setval(counter, {first}, false) FROM {_counter(table, column)} counter"
    )


def object_sql(table: str, thing: Constraint | Index) -> str:
    """A constraint or an index as COMMENT ON names it."""
    if isinstance(thing, Constraint):
        return f"CONSTRAINT {quoted(thing.name)} ON {quoted(table)}"
    return f"INDEX {quoted(thing.name)}"


def comment_on(place: str, text: str | None, was: str | None = None) -> Iterator[DraftStatement]:
    """The comment on what `place` names, unless there is none and was none."""
    if text is not None or was is not None:
        yield DraftStatement(Phase.COMMENT, f"COMMENT ON {place} IS {literal(text)}")
