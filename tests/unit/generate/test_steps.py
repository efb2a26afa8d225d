"""Which app's file each change goes into: a table of cases without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from medusa_migrations.generate.steps import KEYS, steps_between
from medusa_migrations.generate.tables import Column, Constraint, Table

LABELS = ("a", "b", "c")


def tables(keys: Sequence[str], **types: str) -> dict[str, Table]:
    """A table an app, of the type in `types`; a key `ab` is one from `a` to `b`."""
    return {
        name: Table(
            name,
            {"id": Column("id", type_), **{one: Column(one, types[one[1]]) for one in keys if one[0] == name}},
            {
                f"{name}_pkey": Constraint(f"{name}_pkey", "p", "PRIMARY KEY (id)", ("id",)),
                **{
                    one: Constraint(one, "f", f"FOREIGN KEY ({one}) REFERENCES {one[1]}(id)", (one,), one[1], ("id",))
                    for one in keys
                    if one[0] == name
                },
            },
        )
        for name, type_ in types.items()
    }


def told(before: Mapping[str, Table], after: Mapping[str, Table], labels: Sequence[str] = LABELS) -> list[str]:
    """The files, each as its app with what is there behind it: the tables in their order, and the keys."""
    steps = steps_between(before, after, labels, {label: label for label in labels}, ())
    found = []
    for step in steps:
        keys = sorted(one for table in step.tables.values() for one in table.constraints if len(one) == 2)
        there = "".join(sorted(name if table != before.get(name) else "-" for name, table in step.tables.items()))
        found.append(" ".join([step.label + ("+" if step.ending == KEYS else ""), there.replace("-", ""), *keys]))
    return found


NOTHING: dict[str, Table] = {}
INT = {"a": "integer", "b": "integer"}
THREE = INT | {"c": "integer"}
BIG = {"a": "bigint", "b": "bigint"}


@pytest.mark.parametrize(
    ("before", "after", "labels", "expected"),
    [
        pytest.param(NOTHING, tables([], **THREE), LABELS, ["a a", "b ab", "c abc"], id="as they are given"),
        pytest.param(
            NOTHING, tables(["ab", "bc"], **THREE), LABELS, ["c c", "b bc bc", "a abc ab bc"], id="what is needed first"
        ),
        pytest.param(
            NOTHING, tables(["ab", "ba"], **INT), ("a", "b"), ["a a", "b ab ba", "a+ ab ab ba"], id="a circle of two"
        ),
        pytest.param(
            NOTHING,
            tables(["ab", "bc", "ca"], **THREE),
            LABELS,
            ["a a", "c ac ca", "b abc bc ca", "a+ abc ab bc ca"],
            id="a ring of three",
        ),
        pytest.param(
            NOTHING,
            tables(["ab", "bc", "cb"], **THREE),
            LABELS,
            ["b b", "a ab ab", "c abc ab cb", "b+ abc ab bc cb"],
            id="what needs one of a circle comes behind that",
        ),
        pytest.param(
            tables([], **INT),
            tables(["ab", "ba"], **INT),
            ("a", "b"),
            ["a a ab", "b ab ab ba"],
            id="a new circle between tables that are there needs no file of its own",
        ),
        pytest.param(
            tables(["ab"], **INT), tables(["ab"], **BIG), ("a", "b"), ["b ab", "a ab ab"], id="a type on both ends"
        ),
        pytest.param(
            tables(["ab", "ba"], **INT),
            tables(["ab", "ba"], **BIG),
            ("a", "b"),
            ["a ab", "b ab ba", "a+ ab ab ba"],
            id="types in a circle",
        ),
        pytest.param(
            tables(["ab"], **INT),
            tables([], a="integer"),
            ("b", "a"),
            ["a a", "b a"],
            id="what refers goes before what it refers to",
        ),
        pytest.param(
            tables(["ab", "ba"], **INT),
            NOTHING,
            ("b", "a"),
            ["b a", "a "],
            id="a circle that goes leaves with the first of both",
        ),
    ],
)
def test_steps(
    before: Mapping[str, Table], after: Mapping[str, Table], labels: Sequence[str], expected: list[str]
) -> None:
    assert [one.strip() for one in told(before, after, labels)] == [one.strip() for one in expected]


def test_one_app_has_one_file() -> None:
    (step,) = steps_between(NOTHING, tables(["ab", "ba"], **INT), ("a",), {}, ())
    assert (step.label, step.ending, set(step.tables["a"].constraints)) == ("a", "", {"a_pkey", "ab"})


def test_a_key_to_what_is_renamed_comes_behind_that() -> None:
    before, after = tables([], **INT), tables(["ab"], **INT)
    owners = {"a": "a", "b": "b"}
    assert [one.label for one in steps_between(before, after, ("a", "b"), owners, ())] == ["a", "b"]
    assert [one.label for one in steps_between(before, after, ("a", "b"), owners, {"b"})] == ["b", "a"]
