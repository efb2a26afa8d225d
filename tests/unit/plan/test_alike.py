"""Whether tables that are there are as a file makes them, and what differs in words."""

from __future__ import annotations

import pytest

from medusa_migrations.plan.alike import Line, differences, match

TABLE = Line("t", "", "", "table")
ID = Line("t", "column", "id", "integer")
KEY = Line("t", "constraint", "t_pkey", "PRIMARY KEY (id)")
INDEX = Line("t", "index", "t_id", "INDEX ON t USING btree (id)")
ALL = [TABLE, ID, KEY, INDEX]


def line(line: Line, **changes: str) -> Line:
    return line._replace(**changes)


DIFFERENT = {
    "nothing": (ALL, ALL, []),
    "another order": (ALL, ALL[::-1], []),
    "an object of which the file says nothing": (ALL, [*ALL, line(TABLE, object="u")], []),
    "a table that is missing": ([*ALL, line(TABLE, object="u"), line(ID, object="u")], ALL, ["u is missing"]),
    "a view in its place": (
        ALL,
        [line(TABLE, text="view"), line(ID, text="bigint")],
        ["t: view here, table in the file"],
    ),
    "a type": (ALL, [TABLE, line(ID, text="text"), KEY, INDEX], ["t.id: type text here, integer in the file"]),
    "a column that is missing, with what belongs to it": (
        [*ALL, line(ID, name="a"), Line("t", "NOT NULL", "a", ""), Line("t", "default", "a", "1")],
        ALL,
        ["t: column a integer is missing"],
    ),
    "a column too many": (ALL, [*ALL, line(ID, name="a")], ["t: column a integer is not in the file"]),
    "a constraint called like a lone column": (
        [*ALL, line(KEY, name="a", text="UNIQUE (a)"), line(ID, name="a")],
        ALL,
        ["t: constraint a UNIQUE (a) is missing", "t: column a integer is missing"],
    ),
    "NOT NULL": ([*ALL, Line("t", "NOT NULL", "id", "")], ALL, ["t.id: NOT NULL is missing"]),
    "a default": (
        [*ALL, Line("t", "default", "id", "1")],
        [*ALL, Line("t", "default", "id", "2")],
        ["t.id: default 2 here, 1 in the file"],
    ),
    "an index twice": ([*ALL, line(INDEX, name="x")], ALL, ["t: index x INDEX ON t USING btree (id) is missing"]),
    "an index of the same name": (
        ALL,
        [TABLE, ID, KEY, line(INDEX, text="UNIQUE INDEX ON t USING btree (id)")],
        ["t: index t_id UNIQUE INDEX ON t USING btree (id) here, INDEX ON t USING btree (id) in the file"],
    ),
    "a trigger by its name": (
        [*ALL, Line("t", "trigger", "g", "CREATE TRIGGER g")],
        [*ALL, Line("t", "trigger", "h", "CREATE TRIGGER h")],
        ["t: trigger g CREATE TRIGGER g is missing", "t: trigger h CREATE TRIGGER h is not in the file"],
    ),
}


@pytest.mark.parametrize(("file", "live", "expected"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs(file: list[Line], live: list[Line], expected: list[str]) -> None:
    found = match(file, live)
    assert differences(found.file, found.live) == expected


def test_names_of_constraints_and_indexes_only_count() -> None:
    live = [TABLE, ID, line(KEY, name="old"), line(INDEX, name="older")]
    assert match(ALL, live) == ((), (), 2)
    twice = [*ALL, line(INDEX, name="x")]
    assert match(twice, [*ALL, line(INDEX, name="y")]).renamed == 1
