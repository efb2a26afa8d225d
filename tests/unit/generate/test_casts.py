"""What a change of type is said to lose, and to cut."""

from __future__ import annotations

import pytest

from medusa_migrations.generate.casts import Casts, change_type
from medusa_migrations.generate.tables import Column


@pytest.mark.parametrize(
    ("old", "new", "is_lossy"),
    [
        ("integer[]", "bigint[]", False),
        ("bigint[]", "integer[]", False),  # what is out of range is an error
        ("character varying(5)[]", "text[]", False),
        ("double precision[]", "integer[]", True),
        ("integer", "integer[]", True),
        ("date", "timestamp with time zone", False),
        ("timestamp with time zone", "date", True),
        ("timestamp without time zone", "timestamp with time zone", True),
        ("real", "double precision", False),
        ("double precision", "real", True),
        ("bigint", "double precision", True),
        ("integer", "numeric(9,2)", False),
        ("numeric(9,2)", "numeric", False),
        ("numeric(9,2)", "numeric(9,1)", True),
        ("cidr", "inet", False),
        ("inet", "cidr", True),
    ],
)
def test_what_loses_something(old: str, new: str, is_lossy: bool) -> None:
    statement = change_type("t", Column("c", old), Column("c", new), Casts())
    assert bool(statement.loses) is is_lossy


@pytest.mark.parametrize(
    ("old", "new", "is_cut"),
    [
        (Column("c", "character varying(9)"), Column("c", "character varying(9)", collation='"C"'), False),
        (Column("c", "character varying(9)"), Column("c", "character varying(10)", collation='"C"'), False),
        (Column("c", "character varying(9)"), Column("c", "character varying(8)"), True),
        (Column("c", "text"), Column("c", "character varying(8)"), True),
        (Column("c", "integer"), Column("c", "character varying(8)"), False),
    ],
)
def test_what_cuts_blanks(old: Column, new: Column, is_cut: bool) -> None:
    assert ("are cut" in change_type("t", old, new, Casts()).note) is is_cut
