"""Rows that are made up, so that what fails only on tables that have some fails in the scratch database too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from django.db import Error

from medusa_migrations.database.postgresql import server_error
from medusa_migrations.database.session import Session
from medusa_migrations.messages import N_
from medusa_migrations.sql.names import literal, quoted

from .alone import ALONE, alone
from .choices import Choices, Row, choices, choose
from .counts import count_rows
from .order import can_wait, groups
from .shapes import Key, Shape, Shapes, read_shapes

_CHECK = "SET CONSTRAINTS ALL IMMEDIATE"
_NO_ROW = N_("its rules or triggers let no row in")


class Filled(NamedTuple):
    """What `fill` has put rows into, and why not into the others, in the server's words.

    Names are qualified with their schema. The `oids` find what a migration has renamed meanwhile, and `counts` has by
    its oid how many rows each table had before.
    """

    tables: tuple[str, ...]
    unfilled: Mapping[str, str]
    oids: tuple[int, ...]
    counts: Mapping[int, int]


def fill(session: Session, tables: Collection[str], *, alike: bool = True) -> Filled:
    """Put rows into those of `tables`, and of what they refer to, that have none, and commit them.

    The first row has a value in each column. The second has NULL where it may, and else agrees with the first one, save
    what an index keeps apart; with alike=False it agrees in nothing that can be otherwise. Names are qualified with
    their schema and quoted where SQL needs it; what is no table is left out, and what cannot be filled is told.
    Raises django.db.Error if the connection fails, and StopRequested.
    """
    counts = count_rows(session)
    (path,) = session.query("SELECT pg_catalog.current_setting('search_path')")[0]
    with alone(session):
        return _Filling(session, read_shapes(session, tables), path, alike).run(counts)


def empty(session: Session, filled: Filled) -> bool:
    """Delete the rows of the tables that were filled, also of those that have another name since, and commit that.

    Returns whether there are as many rows as before in each table then, and none in a new one: what a migration has
    made of made-up rows elsewhere stays. Raises django.db.Error if the connection fails, and StopRequested.
    """
    with alone(session):
        found = session.query(_THERE, [list(filled.oids), list(filled.tables)])
        shapes = [Shape(oid, name, is_partitioned) for oid, name, is_partitioned in found]
        if shapes and (_try(session, _truncate(shapes)) or _any_row(session, shapes)):
            _try(session, _delete(shapes))
    return all(filled.counts.get(shape.oid, 0) == number for shape, number in count_rows(session).items())


_THERE = """
SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind = 'p'
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND (c.oid = ANY (%s::oid[]) OR c.oid IN (
    SELECT pg_catalog.to_regclass(name)::oid FROM pg_catalog.unnest(%s::text[]) name)) ORDER BY 2
"""

_WRITES_ELSEWHERE = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = ANY (%s::oid[]) AND NOT g.tgisinternal)
    OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = ANY (%s::oid[]))
"""


def _try(session: Session, sql: str) -> str:
    """Run statements, or none of them if one fails: what the server says then, else nothing."""
    try:
        session.execute(f"SAVEPOINT tried; {sql}; RELEASE SAVEPOINT tried")
    except Error as error:
        return _undo(session, error)
    return ""


def _undo(session: Session, error: Error) -> str:
    found = server_error(error)
    if found.is_lost:
        raise error
    session.execute("ROLLBACK TO SAVEPOINT tried; RELEASE SAVEPOINT tried")
    return found.message


def _any_row(session: Session, shapes: Iterable[Shape]) -> bool:
    there = " OR ".join(f"EXISTS (SELECT FROM {shape.rows})" for shape in shapes)
    return bool(there and session.query(f"SELECT {there}")[0][0])


def _truncate(shapes: Iterable[Shape]) -> str:
    """It heeds no foreign key among these tables, and no trigger of a row."""
    return f"TRUNCATE {', '.join(shape.rows for shape in shapes)}"


def _delete(shapes: Iterable[Shape]) -> str:
    """One statement for all: foreign keys are checked at its end, when none of the rows is left."""
    parts = ", ".join(f"part_{number} AS (DELETE FROM {shape.rows})" for number, shape in enumerate(shapes))
    return f"WITH {parts} SELECT; {_CHECK}"


class _Filling:
    """One run of `fill`, in its transaction."""

    def __init__(self, session: Session, shapes: Shapes, path: str, alike: bool) -> None:
        self.session, self.shapes, self.alike = session, shapes, alike
        # What triggers and functions of the author's find is what they find in a migration.
        self.as_author = session.compose("SELECT pg_catalog.set_config('search_path', %s, true)", [path])
        self.filled: list[Shape] = []
        self.unfilled: dict[str, str] = {}
        self.later: list[tuple[Shape, Key]] = []

    def run(self, counts: Mapping[Shape, int]) -> Filled:
        """Fill what is empty, and tell what was filled, also by triggers; `counts` are the rows that there are."""
        empty_ones = {oid: shape for oid, shape in self.shapes.tables.items() if self.is_empty(shape)}
        for group in groups(empty_ones):
            self.fill_group(group)
        for shape, key in self.later:
            self.close(shape, key)
        self.filled += self.filled_by_triggers(list(empty_ones), counts)
        names = tuple(sorted(shape.name for shape in self.filled))
        oids = tuple(shape.oid for shape in self.filled)
        return Filled(names, self.unfilled, oids, {shape.oid: number for shape, number in counts.items()})

    def filled_by_triggers(self, oids: list[int], counts: Mapping[Shape, int]) -> list[Shape]:
        """The tables besides that were empty and are not, as a trigger or a rule of these can have it."""
        if not self.session.query(_WRITES_ELSEWHERE, [oids, oids])[0][0]:
            return []
        others = (shape for shape, number in counts.items() if not number and shape.oid not in self.shapes.tables)
        return [shape for shape in others if not self.is_empty(shape)]

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query. Raises django.db.Error if it fails, without harm to the transaction."""
        found = self.session.query(f"SAVEPOINT tried; {sql}")
        self.session.execute("RELEASE SAVEPOINT tried")
        return found

    def is_empty(self, shape: Shape) -> bool:
        """Whether a table has no row; one that cannot be read is left alone."""
        try:
            return not self.ask(f"SELECT EXISTS (SELECT FROM {shape.rows})")[0][0]
        except Error as error:
            self.unfilled[shape.name] = _undo(self.session, error)
            return False

    def may_be(self, query: str) -> bool:
        """Whether a query gives true, and does not fail."""
        try:
            return bool(self.ask(query)[0][0])
        except Error as error:
            _undo(self.session, error)
            return False

    def fill_group(self, group: list[Shape]) -> None:
        """Fill one table, or all of several that need each other."""
        if len(group) == 1:
            self.fill_table(group[0])
            return
        self.session.execute("SAVEPOINT together; SET CONSTRAINTS ALL DEFERRED")
        words = [self.first_row(shape, checks=False)[1] for shape in group]
        failed = next(filter(None, words), "") or _try(self.session, _CHECK)
        if failed:
            self.session.execute("ROLLBACK TO SAVEPOINT together")
            self.unfilled |= {shape.name: failed for shape in group}
        else:
            self.filled += group
        self.session.execute("RELEASE SAVEPOINT together")

    def fill_table(self, shape: Shape) -> None:
        """Fill a table with its first row and, if there may be another, with the second one."""
        if self.is_empty(shape):  # or a trigger, or the table that it is a partition of, has filled it
            row, failed = self.first_row(shape)
            if failed or self.is_empty(shape):
                self.unfilled[shape.name] = failed or _NO_ROW
                return
            second = self.choose(shape, self.second(shape, row))
            if second != row:
                _try(self.session, self.insert(shape, second))
        self.filled.append(shape)

    def first_row(self, shape: Shape, *, checks: bool = True) -> tuple[Row, str]:
        """Insert a row with all values, else one with NULLs, else one that leaves all to defaults that can be.

        Returns what was inserted, and what the server said of the first one if that was none of them.
        """
        given = self.given(shape)
        needed = {column.name for column in shape.columns if column.not_null and not column.has_default}
        words: list[str] = []
        for tried in (given, _nulls_first(given), {name: given[name] for name in given if name in needed}):
            row = self.choose(shape, tried)
            words.append(_try(self.session, self.insert(shape, row, checks=checks)))
            if not words[-1]:
                return row, ""
        return {}, words[0]

    def given(self, shape: Shape) -> Choices:
        """What each column could have; a foreign key has what is there to refer to, or NULL until there is some."""
        found = {column.name: choices(self.shapes, shape, column) for column in shape.columns}
        for key in shape.keys:
            there = self.referred(key) if key.table != shape.oid else []
            for name, *values in zip(key.columns, *there, strict=True):
                ends: list[str | None] = [None] if None in found[name] else []
                if there:
                    found[name] = [*values, *ends]
                elif key.table != shape.oid and ends:
                    found[name] = ends
            if not there and key.table != shape.oid and can_wait(shape, key) and (shape, key) not in self.later:
                self.later.append((shape, key))
        return {name: values for name, values in found.items() if values}

    def referred(self, key: Key) -> list[tuple[Any, ...]]:
        """What the first two rows have that a foreign key can refer to."""
        if key.table not in self.shapes.tables:
            return []
        columns = ", ".join(f"CAST({quoted(name)} AS pg_catalog.text)" for name in key.to)
        there = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in key.to)
        try:
            return self.ask(f"SELECT {columns} FROM {self.shapes.tables[key.table].rows} WHERE {there} LIMIT 2")
        except Error as error:
            _undo(self.session, error)
            return []

    def choose(self, shape: Shape, given: Choices) -> Row:
        row = choose(self.shapes, shape, given, self.may_be)
        for key in shape.keys:
            if key.table == shape.oid:  # a row that refers to itself
                row |= {own: row[to] for own, to in zip(key.columns, key.to, strict=True) if row.get(own) and to in row}
        return row

    def second(self, shape: Shape, first: Row) -> Choices:
        """What the second row could have: NULL, else what the first has, else, where rows are kept apart, another."""
        apart = set(first) if not self.alike else set(shape.unique)
        for key in shape.keys:
            apart |= set(key.columns) if apart & set(key.columns) else set()
        given = _nulls_first({name: values for name, values in self.given(shape).items() if name in first})
        return {
            name: sorted(values, key=lambda value: value is not None and (value == first[name]) is (name in apart))
            for name, values in given.items()
        }

    def insert(self, shape: Shape, row: Row, *, checks: bool = True) -> str:
        names, values = ", ".join(map(quoted, row)), ", ".join(map(literal, row.values()))
        columns = f"({names}) OVERRIDING SYSTEM VALUE VALUES ({values})" if row else "DEFAULT VALUES"
        return f"{self.as_author}; INSERT INTO {shape.name} {columns}; {_CHECK if checks else 'SELECT'}; {ALONE}"

    def close(self, shape: Shape, key: Key) -> None:
        """Give the first row the foreign key that had nothing to refer to when it was inserted, if it can have it."""
        there = self.referred(key)
        if shape not in self.filled or shape.is_partitioned or not there:
            return
        row = ", ".join(f"{quoted(name)} = {literal(value)}" for name, value in zip(key.columns, there[0], strict=True))
        first = f"ctid OPERATOR(pg_catalog.=) (SELECT ctid FROM {shape.rows} LIMIT 1)"
        _try(self.session, f"{self.as_author}; UPDATE {shape.rows} SET {row} WHERE {first}; {_CHECK}; {ALONE}")


def _nulls_first(given: Choices) -> Choices:
    return {name: sorted(values, key=lambda value: value is not None) for name, values in given.items()}
