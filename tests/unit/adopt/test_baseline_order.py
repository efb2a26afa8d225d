"""Which file of a baseline an object goes into, and in which order; objects are named by letters."""

from __future__ import annotations

import pytest

from medusa_migrations.adopt.baseline.order import files_of, statements_of
from medusa_migrations.adopt.baseline.pieces import Address, Body, Piece
from medusa_migrations.errors import PlanError


def at(name: str) -> Address:
    return Address(name, 1)


def table(name: str, *needs: str) -> Piece:
    body = Body(f"CREATE {name}", (), "")
    return Piece(at(name), "table", name, frozenset(map(at, needs)), undo=f"DROP {name}", body=body)


def key(on: str, to: str) -> Piece:
    name = f"{on}->{to}"
    sql = (f"ALTER {on} ADD {name}",)
    needs = frozenset({at(on), at(to)})
    return Piece(at(name), "foreign key", name, needs, sql=sql, undo=f"DROP {name}", table=at(on), inline=name)


def function(name: str, *needs: str) -> Piece:
    return Piece(at(name), "function", name, frozenset(map(at, needs)), sql=(f"CREATE {name}",), undo=f"DROP {name}")


def trigger(on: str, *needs: str) -> Piece:
    name = f"{on}!"
    return Piece(
        at(name), "trigger", name, frozenset(map(at, (on, *needs))), sql=(name,), undo=f"DROP {name}", table=at(on)
    )


def files(*pieces: Piece, **apps: str) -> list[str]:
    found = files_of(pieces, {at(name): label for label, names in apps.items() for name in names})
    return [f"{one.app}{'+' * one.is_second}: {' '.join(piece.name for piece in one.pieces)}" for one in found]


def sql(*pieces: Piece, there: str = "") -> tuple[list[str], list[str]]:
    found = statements_of(pieces, [at(name) for name in there])
    up = [one.sql.replace(" (\n    ", "(").replace("\n)", ")").replace(",\n    ", ", ") for one in found]
    return up, [one.undo for one in reversed(found) if one.undo]


def test_an_app_comes_behind_those_that_it_refers_to() -> None:
    assert files(table("a"), table("b"), key("a", "b"), x="a", y="b") == ["y: b", "x: a a->b"]


def test_of_a_circle_the_fewest_keys_go_to_a_second_file() -> None:
    circle = [table("a"), table("b"), table("c"), key("a", "b"), key("b", "a"), key("c", "b")]
    assert files(*circle, x="ac", y="b") == ["y: b", "x: a c a->b c->b", "y+: b->a"]


def test_an_app_behind_a_circle_has_no_part_in_it() -> None:
    pieces = [table("a"), table("b"), table("c"), key("a", "b"), key("b", "a"), key("c", "a")]
    assert files(*pieces, x="a", y="b", z="c") == ["x: a", "y: b b->a", "z: c c->a", "x+: a->b"]


def test_what_two_apps_need_goes_to_the_first() -> None:
    pieces = [table("a", "t"), table("b", "t"), function("t")]
    assert files(*pieces, x="a", y="b") == ["x: a t", "y: b"]


def test_what_needs_a_table_of_a_later_app_waits_with_all_that_needs_it() -> None:
    pieces = [table("a"), table("b"), key("b", "a"), function("f", "b"), trigger("a", "f")]
    assert files(*pieces, x="a", y="b") == ["x: a", "y: b b->a", "x+: f a!"]


def test_a_key_is_part_of_its_table_where_the_other_is_there() -> None:
    up, down = sql(table("a"), table("b"), key("a", "b"))
    assert up == ["CREATE b ()", "CREATE a(a->b)"]
    assert down == ["DROP a", "DROP b"]


def test_of_tables_that_refer_to_each_other_one_key_comes_behind() -> None:
    up, down = sql(table("a"), table("b"), key("a", "b"), key("b", "a"), key("a", "a"))
    assert up == ["CREATE b ()", "CREATE a(a->a, a->b)", "ALTER b ADD b->a"]
    assert down == ["DROP b->a", "DROP a", "DROP b"]


def test_a_trigger_goes_with_its_table_unless_its_function_goes_before() -> None:
    assert sql(table("a"), function("f"), trigger("a", "f"))[1] == ["DROP a", "DROP f"]
    assert sql(table("a"), function("f", "a"), trigger("a", "f"))[1] == ["DROP a!", "DROP f", "DROP a"]


def test_what_hangs_on_a_table_of_another_file_is_dropped_by_name() -> None:
    assert sql(key("a", "b"), there="ab") == (["ALTER a ADD a->b"], ["DROP a->b"])


def test_what_needs_each_other_is_refused_by_name() -> None:
    with pytest.raises(PlanError, match="in a circle: function f, function g"):
        files(table("a", "f"), function("f", "g"), function("g", "f"), x="a")
