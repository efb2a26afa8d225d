"""What tables are like between two releases, so that the code of both can work."""

from __future__ import annotations

import pytest

from medusa_migrations.generate.halfway import Added, halfway
from medusa_migrations.generate.tables import Column, Constraint, Index, Table

ID = Column("id", "bigint", not_null=True, identity="d")
KEY = Constraint("t_pkey", "p", "PRIMARY KEY (id)", ("id",))
UUID = "gen_random_uuid()"


def table(*columns: Column, name: str = "t", **parts: tuple[Constraint | Index, ...]) -> Table:
    given = {kind: {one.name: one for one in things} for kind, things in parts.items()}
    return Table(name, {one.name: one for one in (ID, *columns)}, **given)


def between(old: Table, new: Table, values: dict[str, str] | None = None, slow: tuple[str, ...] = ()) -> Table:
    given = {(new.name, column): value for column, value in (values or {}).items()}
    added = Added(given, {(new.name, column) for column in slow})
    return halfway({old.name: old}, {new.name: new}, added)[new.name]


@pytest.mark.parametrize(
    ("old", "new", "value", "is_slow", "expected"),
    [
        pytest.param(None, Column("c", "int"), None, False, Column("c", "int"), id="a nullable one is as it will be"),
        pytest.param(
            None,
            Column("c", "int", not_null=True),
            "0",
            False,
            Column("c", "int", not_null=True, default="0"),
            id="a new one keeps the value that old rows get as its default, for old code",
        ),
        pytest.param(
            None,
            Column("c", "uuid", not_null=True),
            UUID,
            True,
            Column("c", "uuid", default=UUID),
            id="a new one whose values differ is not required before the rows are filled",
        ),
        pytest.param(
            None,
            Column("c", "int", not_null=True),
            None,
            False,
            Column("c", "int"),
            id="a new one that a person has to fill is not required",
        ),
        pytest.param(
            Column("c", "int"),
            Column("c", "int", not_null=True),
            "0",
            False,
            Column("c", "int"),
            id="one that becomes required is not yet, as old code may leave it empty",
        ),
        pytest.param(
            Column("c", "int", not_null=True),
            Column("c", "int"),
            None,
            False,
            Column("c", "int"),
            id="one that is required no more may be empty at once",
        ),
        pytest.param(
            Column("c", "int", not_null=True, default="7"),
            Column("c", "int", not_null=True),
            None,
            False,
            Column("c", "int", not_null=True, default="7"),
            id="a default that goes stays for old code",
        ),
        pytest.param(
            Column("c", "int", not_null=True),
            None,
            None,
            False,
            Column("c", "int"),
            id="one that goes may be empty, for new code",
        ),
        pytest.param(
            Column("c", "int", not_null=True, default="7"),
            None,
            None,
            False,
            Column("c", "int", not_null=True, default="7"),
            id="one that goes and fills itself stays as it is",
        ),
    ],
)
def test_columns(old: Column | None, new: Column | None, value: str | None, is_slow: bool, expected: Column) -> None:
    found = between(
        table(*([old] if old else [])),
        table(*([new] if new else [])),
        {"c": value} if value else {},
        ("c",) if is_slow else (),
    )
    assert found.columns["c"] == expected


C, REQUIRED = Column("c", "int"), Column("c", "int", not_null=True)
CHECK = Constraint("k", "c", "CHECK (c > 0)", ("c",))
UNIQUE = Constraint("k", "u", "UNIQUE (c)", ("c",))
NULLS = Constraint("k", "u", "UNIQUE NULLS NOT DISTINCT (c)", ("c",))
REFERS = Constraint("k", "f", "FOREIGN KEY (c) REFERENCES o(id)", ("c",), "o", ("id",))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(table(C), table(C, constraints=(CHECK,)), {"k"}, id="a new one holds at once"),
        pytest.param(table(C), table(REQUIRED, constraints=(CHECK,)), set(), id="a check waits for the values"),
        pytest.param(table(C), table(REQUIRED, constraints=(UNIQUE,)), {"k"}, id="rows without a value are unique"),
        pytest.param(table(C), table(REQUIRED, constraints=(NULLS,)), set(), id="where nulls are alike they are not"),
        pytest.param(
            table(C, constraints=(KEY,)), table(constraints=(KEY,)), {"t_pkey"}, id="what does not change stays"
        ),
        pytest.param(table(C, constraints=(UNIQUE,)), table(C), set(), id="one that goes is gone at once"),
        pytest.param(table(C, constraints=(UNIQUE,)), table(), {"k"}, id="one that goes with its column stays"),
        pytest.param(table(C, constraints=(REFERS,)), table(), set(), id="a foreign key does not wait for its column"),
    ],
)
def test_constraints(old: Table, new: Table, expected: set[str]) -> None:
    assert set(between(old, new, {"c": "0"}).constraints) == expected


def test_a_table_that_goes_lets_others_delete_what_it_refers_to() -> None:
    to_itself = Constraint("s", "f", "FOREIGN KEY (c) REFERENCES t(id)", ("c",), "t", ("id",))
    going = table(REQUIRED, constraints=(KEY, REFERS, to_itself))
    found = halfway({"t": going, "o": table(name="o")}, {"o": table(name="o")}, Added({}, ()))
    assert set(found["t"].constraints) == {"t_pkey", "s"}
    assert found["t"].columns == going.columns


def test_a_foreign_key_waits_for_the_key_that_it_refers_to() -> None:
    old, late = table(C, constraints=(KEY,)), Constraint("k", "u", "UNIQUE NULLS NOT DISTINCT (c)", ("c",))
    refers = Constraint("f", "f", "FOREIGN KEY (c) REFERENCES t(c)", ("c",), "t", ("c",))
    new = {"t": table(REQUIRED, constraints=(KEY, late)), "n": table(C, name="n", constraints=(refers,))}
    found = halfway({"t": old}, new, Added({}, ()))
    assert set(found["t"].constraints) == {"t_pkey"}
    assert found["n"].constraints == {}
