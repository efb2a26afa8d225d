"""Which tables and columns may be old ones under a new name, which only a person can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TypeVar

from medusa_migrations.errors import PlanError, nearest
from medusa_migrations.messages import N_
from medusa_migrations.sql.names import quoted

from .phases import DraftStatement, Phase
from .tables import Column, Table, Tables

_Thing = TypeVar("_Thing", Table, Column)

# A table whose columns are alike to this share may be the same under a new name.
LIKENESS = 0.6
MEANWHILE = "medusa_migrations_meanwhile"
_HANDFUL = 5  # after so many noes, only names that were in no question yet are asked about
_OTHER_NAME = 0.7  # how much a column counts that is alike but for its name


@dataclass(frozen=True, slots=True)
class Rename:
    """A table, or a column of `table`, that was `old` and is `new`; `table` is the name after tables were renamed.

    As a string it is written as --rename takes it.
    """

    old: str
    new: str
    table: str | None = None

    def __str__(self) -> str:
        return f"{self.table}.{self.old}={self.new}" if self.table else f"{self.old}={self.new}"

    @property
    def tables(self) -> set[str]:
        """The names of the tables that it is of."""
        return {self.table} if self.table else {self.old, self.new}

    @property
    def back(self) -> Rename:
        """The rename that undoes this one."""
        return replace(self, old=self.new, new=self.old)

    def waits_for(self, other: Rename) -> bool:
        """Whether the new name is free only when the other one is done."""
        return (self.table, self.new) == (other.table, other.old)

    @property
    def statement(self) -> DraftStatement:
        """The statement that carries it out."""
        column = f"COLUMN {quoted(self.old)} " if self.table else ""
        sql = f"ALTER TABLE {quoted(self.table or self.old)} RENAME {column}TO {quoted(self.new)}"
        return DraftStatement(Phase.RENAME, sql)


def renaming(renames: Iterable[Rename]) -> list[DraftStatement]:
    """The statements that carry out renames, tables first: each when its new name is free.

    Where names go round in a circle, as those of two that are swapped, one has a name of its own meanwhile.
    """
    left = sorted(renames, key=lambda rename: rename.table is not None)
    found = []
    while left:
        free = [one for one in left if not any(one.waits_for(other) for other in left)]
        if free:
            done = free[0]
            left.remove(done)
        else:
            done = replace(left[0], new=MEANWHILE)
            left[0] = replace(left[0], old=MEANWHILE)
        found.append(done.statement)
    return found


def renaming_back(renames: Sequence[Rename]) -> list[DraftStatement]:
    """The statements that undo renames, columns first."""
    tables, columns = ([one.back for one in renames if bool(one.table) is is_column] for is_column in (False, True))
    return renaming(columns) + renaming(tables)


def given_renames(texts: Iterable[str], old: Tables, new: Tables) -> list[Rename]:
    """The renames that `texts` of the option --rename ask for, tables first.

    Each is `table=new` or `table.column=new`, with the table's name in the database today. Raises PlanError for one
    that is written otherwise, or that does not lead from what is in `old` to what is in `new`. What has the new name
    today must be renamed too; the old name may be that of something new.
    """
    tables, columns = [], []
    seen: set[object] = set()
    given = list(texts)
    leaving = {text.partition("=")[0] for text in given}
    for text in given:
        before, equals, after = text.partition("=")
        table, dot, column = before.partition(".")
        if not equals or not after or not table or (dot and not column):
            raise PlanError(N_("--rename takes table=new or table.column=new; this is {given!r}.", given=text))
        if before in seen or (dot and table, after) in seen:
            raise PlanError(
                N_(
                    "--rename {given}: {before} or {after} is in another --rename already.",
                    given=text,
                    before=before,
                    after=after,
                )
            )
        seen |= {before, (dot and table, after)}
        if table not in old:
            raise PlanError(
                N_(
                    "--rename {given}: the database has no table {table!r} of this app.{hint}",
                    given=text,
                    table=table,
                    hint=nearest(table, old),
                )
            )
        if not dot:
            _refuse_taken(text, after, after in old and after not in leaving)
            if after not in new:
                raise PlanError(
                    N_(
                        "--rename {given}: {after!r} is no new table of the models.{hint}",
                        given=text,
                        after=after,
                        hint=nearest(after, new),
                    )
                )
            tables.append(Rename(table, after))
        else:
            columns.append((text, table, column, after))
    names = {rename.old: rename.new for rename in tables}
    is_leaving = {f"{table}.{column}" for _, table, column, _ in columns}
    return tables + [_given_column(*one, names.get(one[1], one[1]), is_leaving, old, new) for one in columns]


def _given_column(
    text: str, table: str, column: str, after: str, today: str, leaving: Collection[str], old: Tables, new: Tables
) -> Rename:
    if column not in old[table].columns:
        hint = nearest(column, old[table].columns)
        raise PlanError(
            N_(
                "--rename {given}: the table {table!r} has no column {column!r}.{hint}",
                given=text,
                table=table,
                column=column,
                hint=hint,
            )
        )
    _refuse_taken(text, after, after in old[table].columns and f"{table}.{after}" not in leaving)
    if today not in new or after not in new[today].columns:
        hint = nearest(after, new[today].columns) if today in new else ""
        raise PlanError(
            N_("--rename {given}: {after!r} is no new column of the model.{hint}", given=text, after=after, hint=hint)
        )
    return Rename(column, after, today)


def _refuse_taken(text: str, name: str, is_taken: bool) -> None:
    """Raise PlanError if the database has the new `name` of a rename already."""
    if is_taken:
        raise PlanError(
            N_(
                "--rename {given}: the database has {name!r} already. If that was renamed too, say so by another "
                "--rename.",
                given=text,
                name=name,
            )
        )


def chosen_renames(
    given: Sequence[Rename], accept: Callable[[str], bool], old: Tables, new: Tables
) -> tuple[list[Rename], list[Rename]]:
    """The renames to be done, tables first, and those that may be meant too.

    What is `given` is done. Others that may lead from `old` to `new`, by their likeness, are done if `accept` says so:
    it is called with each, written as --rename takes it.
    """
    chosen = [rename for rename in given if not rename.table]
    taken = {name for rename in chosen for name in (rename.old, rename.new)}
    accepted, offered = _asked_tables(accept, _without(old, taken), _without(new, taken))
    chosen += accepted
    before = {name: name for name in old.keys() - {rename.old for rename in chosen}}
    before |= {rename.new: rename.old for rename in chosen}
    columns = [rename for rename in given if rename.table]
    for name, table in new.items():
        if name not in before:
            continue
        was = old[before[name]]
        named = {one for rename in columns if rename.table == name for one in (rename.old, rename.new)}
        accepted, refused = _asked_columns(
            accept,
            replace(was, columns=_without(was.columns, named)),
            replace(table, columns=_without(table.columns, named)),
            {rename.old: rename.new for rename in chosen},
        )
        columns += accepted
        offered += refused
    return chosen + columns, offered


def _without(things: Mapping[str, _Thing], names: Collection[str]) -> dict[str, _Thing]:
    return {name: thing for name, thing in things.items() if name not in names}


def _asked_tables(accept: Callable[[str], bool], old: Tables, new: Tables) -> tuple[list[Rename], list[Rename]]:
    """Ask of tables that are gone and new ones that are like them, the likest first; what is accepted, and the rest."""
    gone = {name: table for name, table in old.items() if name not in new}
    fresh = {name: table for name, table in new.items() if name not in old}
    accepted: list[Rename] = []
    refused: list[Rename] = []
    moved: dict[str, str] = {}
    pairs = _alike_tables(gone, fresh, moved)
    while pairs:
        rename = pairs.pop(0)
        if not _worth_asking(rename, refused):
            continue
        is_first = rename.old not in moved
        if is_accepted := accept(str(rename)):
            accepted.append(rename)
            del gone[rename.old], fresh[rename.new]
        else:
            refused.append(rename)
        if is_accepted or is_first:  # a table's foreign keys may refer to one that was renamed
            moved[rename.old] = rename.new
            pairs = [one for one in _alike_tables(gone, fresh, moved) if one not in refused]
    return accepted, _still_open(refused, accepted)


def _alike_tables(gone: Tables, fresh: Tables, moved: Mapping[str, str]) -> list[Rename]:
    """The pairs that are alike enough, the likest first; tables were `moved` to their new names."""
    scores = {Rename(a, b): _likeness(old, new, moved) for a, old in gone.items() for b, new in fresh.items()}
    alike = [rename for rename, score in scores.items() if score >= LIKENESS]
    return sorted(alike, key=lambda rename: (-scores[rename], -_likeness_of_names(rename)))


def _asked_columns(
    accept: Callable[[str], bool], old: Table, new: Table, moved: Mapping[str, str]
) -> tuple[list[Rename], list[Rename]]:
    """Ask of columns that are gone and new ones of the same shape, the likest names first; as `_asked_tables`."""
    pairs = [
        Rename(before.name, after.name, new.name)
        for after in new.columns.values()
        for before in old.columns.values()
        if after.name not in old.columns
        and before.name not in new.columns
        and _shape(old, before, moved) == _shape(new, after, {})
    ]
    accepted: list[Rename] = []
    refused: list[Rename] = []
    for rename in sorted(pairs, key=_likeness_of_names, reverse=True):
        if _still_open([rename], accepted) and _worth_asking(rename, refused):
            (accepted if accept(str(rename)) else refused).append(rename)
    return accepted, _still_open(refused, accepted)


def _still_open(renames: Iterable[Rename], accepted: Collection[Rename]) -> list[Rename]:
    """Those of `renames`, all of one table or of tables, that what is accepted leaves possible."""
    old, new = {rename.old for rename in accepted}, {rename.new for rename in accepted}
    return [rename for rename in renames if rename.old not in old and rename.new not in new]


def _worth_asking(rename: Rename, refused: Collection[Rename]) -> bool:
    """Whether to ask once more after what was `refused`: of each name twice at most, or there is no end to it."""
    asked = [sum(rename.old == one.old for one in refused), sum(rename.new == one.new for one in refused)]
    return max(asked) < (2 if len(refused) < _HANDFUL else 1)


def _likeness_of_names(rename: Rename) -> float:
    return SequenceMatcher(None, rename.old, rename.new).ratio()


def _shape(table: Table, column: Column, moved: Mapping[str, str]) -> tuple[object, ...]:
    keys = (one.ref_table for one in table.constraints.values() if one.kind == "f" and one.columns == (column.name,))
    target = next(keys, None) or ""
    return column.type, column.not_null, column.counts_up, column.generated is None, moved.get(target, target)


def _likeness(old: Table, new: Table, moved: Mapping[str, str]) -> float:
    before = {name: _shape(old, column, moved) for name, column in old.columns.items()}
    after = {name: _shape(new, column, {}) for name, column in new.columns.items()}
    same = sum(before.get(name) == shape for name, shape in after.items())
    alike = sum((Counter(before.values()) & Counter(after.values())).values())
    return (same + _OTHER_NAME * (alike - same)) / max(len(before), len(after), 1)
