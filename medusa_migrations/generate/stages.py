"""A draft in stages: what comes before the new code, what fills rows, and what comes after the new code is live."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import Error

from medusa_migrations.database.postgresql import server_version
from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_, joined

from .compare import Change, compare
from .copies import Copies
from .fills import Fill
from .halfway import Added, halfway
from .online import OnlineRendering
from .phases import DraftStatement
from .proof import NotProven, find_casts, refuse_difference, run_part
from .remade import Place
from .renames import Rename
from .render import column_sql, render
from .scratch import Scratch
from .tables import Column, Table, Tables, all_names
from .unsaid import with_unsaid
from .values import Value, value_for_old_rows
from .watch import CopyWatch

_CURE = N_(
    "Nothing was written. Leave out --online, or split it: change this by hand, as the guide says under Online, and "
    "generate the rest with --online."
)

# NOT VALID for a foreign key of a partitioned table is taken from PostgreSQL 18 on.
_LATE_KEYS_SINCE = 180000

_FILE = "SELECT pg_catalog.pg_relation_filenode('pg_temp.medusa_migrations_column')"


@dataclass(frozen=True)
class Stage:
    """What one release step does, and how it is undone."""

    up: tuple[DraftStatement, ...]
    down: tuple[DraftStatement, ...]


@dataclass(frozen=True)
class Stages:
    """What is done `before` the new code comes, which rows are filled then, and what is done `after` it is live."""

    before: Stage
    fills: tuple[Fill, ...]
    after: Stage

    @property
    def up(self) -> tuple[DraftStatement, ...]:
        """The statements of all stages, without the values of rows."""
        return self.before.up + self.after.up

    @property
    def down(self) -> tuple[DraftStatement, ...]:
        """The statements of all stages that undo `up`."""
        return self.after.down + self.before.down


def make_tables_alone(changes: Iterable[Change]) -> bool:
    """Whether nobody can wait for the changes, as no table that is there has one."""
    return all(change.op == "create" and isinstance(change.new, Table) for change in changes)


def refuse_by_name(renames: Iterable[Rename], going: Mapping[Place, bool]) -> None:
    """Raise PlanError for renames, and for columns that are dropped and added again: code that runs needs the old."""
    found = [N_("{rename}: a rename, while code that runs uses the old name", rename=rename) for rename in renames]
    found += [
        N_(
            "{table}.{column}: has to be dropped and added again, as PostgreSQL has no other way to its new type or "
            "expression",
            table=table,
            column=column,
        )
        for (table, column), is_added_again in going.items()
        if is_added_again
    ]
    _refuse(found)


def prove_stages(copy: Copies, before: Tables, target: Tables, models: Tables, values: Mapping[Place, Value]) -> Stages:
    """Draft the stages from `before`, which the copy has, to `target`, and back; each is proven by running it there.

    Raises PlanError for what cannot be done without a long lock, and NotProven as `run_part` does.
    """
    try:
        return _Proof(copy, before, target, values).stages(models)
    except NotProven as error:
        raise NotProven(N_("{problem} Or leave out --online.", problem=error.args[0])) from error


class _Proof:
    """Runs the stages on the copy; `_values` are what rows that are there get in each column that needs one."""

    def __init__(self, copy: Copies, before: Tables, target: Tables, values: Mapping[Place, Value]) -> None:
        self._copy, self._scratch = copy, copy.scratch
        self._before, self._target = before, target
        self._values = dict(_values_of(before, target, values))
        self._slow = {
            (table, column.name)
            for table, column in _new_columns(before, target)
            if _is_slow(copy.scratch, column, self._values.get((table, column.name)))
        }
        self._is_explicit = copy.scope.wanted.explicit_names
        self._watch = CopyWatch(copy.scratch, each_alone=True)

    def stages(self, models: Tables) -> Stages:
        """The three, from both ends."""
        known = {place: one for place, one in self._values.items() if one.sql is not None}
        added = Added({place: one.sql or "" for place, one in known.items()}, self._slow)
        at_once = {place: one for place, one in known.items() if place not in self._slow}
        before = self._up(self._before, halfway(self._before, self._target, added), at_once)
        middle = self._copy.compared()
        fills = tuple(self._fills(middle))
        run_part(self._scratch, "up", [one.statement for one in fills if one.statement], self._watch)
        after = self._up(middle, self._target, self._values)
        now = self._copy.compared()
        refuse_difference("up", compare(now, with_unsaid(models, now), self._is_explicit))
        undone = self._down(now, middle, self._values_again())
        refuse_difference("down", compare(self._copy.compared(), middle, all_names(middle)))
        return Stages(Stage(before, self._down(middle, self._before, {})), fills, Stage(after, undone))

    def _up(self, old: Tables, new: Tables, values: Mapping[Place, Value]) -> tuple[DraftStatement, ...]:
        changes = compare(old, new, self._is_explicit)
        found = run_part(self._scratch, "up", self._rendered(changes, old, new, values), self._watch)
        _refuse(f"{one.sql}\n    {text}" for one in found if not one.is_only_way for text in one.findings)
        return tuple(found)

    def _down(self, old: Tables, new: Tables, values: Mapping[Place, Value]) -> tuple[DraftStatement, ...]:
        """Back to the very names, whoever gave them."""
        statements = self._rendered(compare(old, new, all_names(old, new)), old, new, values)
        return tuple(run_part(self._scratch, "down", statements, CopyWatch(self._scratch, each_alone=True)))

    def _rendered(
        self, changes: Sequence[Change], old: Tables, new: Tables, values: Mapping[Place, Value]
    ) -> list[DraftStatement]:
        can_wait = server_version(self._scratch.session.connection) >= _LATE_KEYS_SINCE
        way = functools.partial(OnlineRendering, slow=self._slow, can_wait=can_wait)
        return render(changes, old, new, values, find_casts(self._scratch, changes), way)

    def _fills(self, middle: Tables) -> Iterator[Fill]:
        """The columns whose rows have no value when the new code comes, and are to have one."""
        for place, value in self._values.items():
            table, column = place
            is_added = column not in self._before[table].columns
            if place in self._slow or not is_added or middle[table].columns[column].default is None:
                note = value.note if value.sql is not None else _by_hand(table, column, value)
                yield Fill(table, column, value.sql, note)

    def _values_again(self) -> dict[Place, Value]:
        """What stands for nothing in columns that come again: the code before could not do without a value."""
        found = {}
        for table, column in _new_columns(self._target, self._before):
            if column.not_null and not column.fills_itself:
                sql, note = value_for_old_rows({}, self._before[table], column)
                value = Value(sql, note)
                if sql is not None and not _is_slow(self._scratch, column, value):
                    found[table, column.name] = value
        return found


def _new_columns(old: Tables, new: Tables) -> Iterator[tuple[str, Column]]:
    """The columns that tables which stay get, with the table."""
    for name in old.keys() & new.keys():
        for column in new[name].columns.values():
            if column.name not in old[name].columns:
                yield name, column


def _values_of(old: Tables, new: Tables, given: Mapping[Place, Value]) -> Iterator[tuple[Place, Value]]:
    """The columns that are added or become required and whose rows need a value; None where only a person knows it."""
    for name in sorted(old.keys() & new.keys()):
        for column in new[name].columns.values():
            place = (name, column.name)
            if _needs_value(old[name].columns.get(column.name), column, is_given=place in given):
                yield place, Value(*value_for_old_rows(given, new[name], column))


def _needs_value(old: Column | None, new: Column, *, is_given: bool) -> bool:
    if new.generated is not None or new.identity:
        return False
    if old is not None:
        return new.not_null and not old.not_null
    return is_given or new.not_null or new.default is not None


def _is_slow(scratch: Scratch, column: Column, value: Value | None) -> bool:
    """Whether to add the column with what its rows get writes the table anew, as it does where that may differ."""
    if column.generated is not None or column.identity:
        return False
    if column.counts_up:
        return True
    default = column.default if value is None else value.sql
    if default is None:
        return False
    whole = column_sql(Column(column.name, column.type, default=default, collation=column.collation))
    with scratch.undone(), contextlib.suppress(Error):  # what is wrong with it is told where it is run
        scratch.execute(["CREATE TEMP TABLE medusa_migrations_column ()"])
        was = scratch.session.query(_FILE)
        scratch.execute([f"ALTER TABLE pg_temp.medusa_migrations_column ADD COLUMN {whole}"])
        return scratch.session.query(_FILE) != was
    return False


def _by_hand(table: str, column: str, value: Value) -> str:
    reason = value.note or N_("no value could be invented for rows that are there, as for a key none may be")
    return N_(
        "Fill {table}.{column} in rows that are there: {reason}. Without rows nothing is to be done.",
        table=table,
        column=column,
        reason=reason,
    )


def _refuse(found: Iterable[str]) -> None:
    listed = [joined("", ["  ", one]) for one in found]
    if listed:
        raise PlanError(joined("\n", [N_("What has no online way here:"), *listed, _CURE]))
