from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from medusa_migrations.results import Difference
from medusa_migrations.verify.catalog.difference import differences, noted, with_owner_as
from medusa_migrations.verify.catalog.snapshot import Snapshot, Thing

Objects = dict[tuple[str, str], dict[str, Any]]


def snapshot(objects: Objects) -> Snapshot:
    return Snapshot({Thing(*thing): json.dumps(attributes) for thing, attributes in objects.items()}, {})


def new(kind: str, name: str) -> Difference:
    return Difference("new", kind, name, None, None, None)


def gone(kind: str, name: str) -> Difference:
    return Difference("gone", kind, name, None, None, None)


def test_each_attribute_that_differs_is_told_with_both_values() -> None:
    before = snapshot({("column", "public.t.a"): {"type": "integer", "default": "1", "options": ["n_distinct=5"]}})
    after = snapshot({("column", "public.t.a"): {"type": "bigint", "not_null": True, "options": ["n_distinct=5"]}})
    assert differences(before, after) == (
        Difference("differs", "column", "public.t.a", "default", "1", None),
        Difference("differs", "column", "public.t.a", "not_null", None, True),
        Difference("differs", "column", "public.t.a", "type", "integer", "bigint"),
    )


def test_the_order_of_attributes_is_no_difference() -> None:
    before = Snapshot({Thing("table", "public.t"): '{"owner": "o", "options": ["a"]}'}, {})
    after = Snapshot({Thing("table", "public.t"): '{"options":["a"],"owner":"o"}'}, {})
    assert differences(before, after) == ()


def test_they_are_in_the_order_of_kind_name_and_attribute() -> None:
    before = snapshot({("view", "public.b"): {}, ("table", "public.z"): {"a": 1, "b": 1}})
    after = snapshot({("view", "public.a"): {}, ("table", "public.z"): {"b": 2, "a": 2}})
    assert differences(before, after) == (
        Difference("differs", "table", "public.z", "a", 1, 2),
        Difference("differs", "table", "public.z", "b", 1, 2),
        new("view", "public.a"),
        gone("view", "public.b"),
    )


TABLE: Objects = {
    ("table", "public.t"): {},
    ("column", "public.t.id"): {"type": "bigint"},
    ("constraint", "public.t.t_pkey"): {},
    ("trigger", "public.t.g"): {},
    ("rule", "public.t.r"): {},
    ("policy", "public.t.p"): {},
    ("index", "public.elsewhere_named"): {"table": "public.t"},
    ("statistics", "public.s"): {"table": "public.t"},
    ("sequence", "public.t_id_seq"): {"owned_by": "public.t.id"},
}

# What belongs to something, and what it belongs to, which comes first.
WHOLES: dict[str, Objects] = {
    "a table": TABLE,
    "a view": {("view", "public.v"): {}, ("column", "public.v.a"): {}, ("rule", "public.v.r"): {}},
    "a materialized view": {
        ("materialized_view", "public.m"): {},
        ("column", "public.m.a"): {},
        ("index", "public.i"): {"table": "public.m"},
    },
    "a foreign table": {("foreign_table", "public.f"): {}, ("column", "public.f.a"): {}},
    "a domain": {("type", "public.d"): {}, ("constraint", "public.d.d_check"): {}},
    "a composite type": {("type", "public.c"): {"attributes": ["a"]}, ("attribute", "public.c.a"): {}},
    "a range": {
        ("type", "public.r"): {},
        ("type", "public.r_multirange"): {"range": "public.r"},
        ("function", "public.r(integer,integer)"): {"made_with": "public.r"},
        ("function", "public.r_multirange()"): {"made_with": "public.r_multirange"},
        ("cast", "public.r AS public.r_multirange"): {"made_with": "public.r"},
    },
    "an operator family": {
        ("operator_family", "public.o USING btree"): {},
        ("operator_class", "public.o USING btree"): {"family": "public.o USING btree"},
        ("family_operator", "public.o USING btree: 1 (integer, integer)"): {"family": "public.o USING btree"},
        ("family_function", "public.o USING btree: 1 (integer, integer)"): {"family": "public.o USING btree"},
    },
    "a server": {("server", "s"): {}, ("user_mapping", "public on s"): {"server": "s"}},
}


@pytest.mark.parametrize("whole", WHOLES.values(), ids=WHOLES)
def test_what_belongs_to_something_new_or_gone_is_not_told_beside_it(whole: Objects) -> None:
    first = next(iter(whole))
    assert differences(snapshot({}), snapshot(whole)) == (new(*first),)
    assert differences(snapshot(whole), snapshot({})) == (gone(*first),)


@pytest.mark.parametrize("whole", WHOLES.values(), ids=WHOLES)
def test_it_is_told_where_what_it_belongs_to_stays(whole: Objects) -> None:
    first, *parts = whole
    without = snapshot({first: whole[first]})
    told = {(one.kind, one.object) for one in differences(without, snapshot(whole))}
    # A part of a part goes with that: a sequence with its column, a multirange's function with its type.
    assert told <= set(parts)
    assert differences(without, snapshot(dict(list(whole.items())[:2]))) == (new(*parts[0]),)


def test_of_a_new_column_its_sequence_is_not_told() -> None:
    before = snapshot({("table", "public.t"): {}})
    after = snapshot(
        {
            ("table", "public.t"): {},
            ("column", "public.t.id"): {},
            ("sequence", "public.t_id_seq"): {"owned_by": "public.t.id"},
        }
    )
    assert differences(before, after) == (new("column", "public.t.id"),)


def test_what_is_in_a_new_schema_is_told() -> None:
    after = snapshot({("schema", "s"): {}, ("table", "s.t"): {}})
    assert differences(snapshot({}), after) == (new("schema", "s"), new("table", "s.t"))


NOTED = [
    (Difference("differs", "extension", "hstore", "version", "1.7", "1.8"), True),
    (Difference("differs", "extension", "hstore", "schema", "public", "s"), False),
    (Difference("differs", "extension", "hstore", "owner", "postgres", "admin"), True),
    (new("extension", "hstore"), False),
    (Difference("differs", "collation", "public.c", "version", "1", "2"), True),
    (Difference("differs", "collation", "public.c", "provider", "libc", "icu"), True),
    (Difference("differs", "collation", "public.c", "collate", "C", "POSIX"), False),
    (Difference("differs", "database", "current", "collate", "C", "de_DE"), True),
    (new("setting", "all roles: work_mem"), True),
    (new("large_object", "4711"), True),
    (Difference("differs", "schema", "information_schema", "owner", "postgres", "admin"), True),
    (Difference("differs", "schema", "public", "owner", "postgres", "admin"), False),
    (new("table", "public.t"), False),
]


@pytest.mark.parametrize(("difference", "expected"), NOTED)
def test_what_comes_from_the_server_is_only_noted(difference: Difference, expected: bool) -> None:
    assert noted(difference) is expected


OWNED: Objects = {
    ("table", "public.me"): {
        "owner": "me",
        "rights": ["=r/me", "me=arwd/me", "other=r*/me", "you=r/other"],
        "definition": "SELECT 'me=r/me'",
        "comment": "me",
    },
    ("column", "public.me.me"): {"rights": ["me2=r/me2"], "default": "'me'"},
    ("policy", "public.me.p"): {"roles": ["me", "public"]},
    ("default_privileges", "me on tables in me"): {"rights": ["me=r/me"]},
    ("user_mapping", "me on srv"): {},
    ("setting", "me: work_mem"): {"value": "me"},
    ("setting", "all roles: role"): {"value": "me"},
}
OF_NOBODY: Objects = {
    ("table", "public.me"): {
        "owner": "@owner",
        "rights": ["=r/@owner", "@owner=arwd/@owner", "other=r*/@owner", "you=r/other"],
        "definition": "SELECT 'me=r/me'",
        "comment": "me",
    },
    ("column", "public.me.me"): {"rights": ["me2=r/me2"], "default": "'me'"},
    ("policy", "public.me.p"): {"roles": ["@owner", "public"]},
    ("default_privileges", "@owner on tables in me"): {"rights": ["@owner=r/@owner"]},
    ("user_mapping", "@owner on srv"): {},
    ("setting", "@owner: work_mem"): {"value": "me"},
    ("setting", "all roles: role"): {"value": "me"},
}


def test_the_owner_is_replaced_as_a_whole_name_and_where_roles_stand() -> None:
    assert with_owner_as(snapshot(OWNED), "me") == snapshot(OF_NOBODY)


def test_who_owns_nothing_is_replaced_nowhere() -> None:
    assert with_owner_as(snapshot(OWNED), "somebody") == snapshot(OWNED)


def test_identities_stay_with_what_is_renamed() -> None:
    before = Snapshot({Thing("setting", "me: a"): "{}"}, {Thing("setting", "me: a"): 7})
    assert with_owner_as(before, "me").identity == {Thing("setting", "@owner: a"): 7}


# Any names and any attributes.
kinds = st.sampled_from(["table", "column", "index", "function", "schema", "type", "sequence", "constraint"])
part = st.sampled_from(["a", "b", '"c.d"', '"e""f"', '"."'])
names = st.lists(part, min_size=1, max_size=3).map(".".join)
values = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.lists(part, max_size=2))
attributes = st.fixed_dictionaries(
    {}, optional={"table": names, "owned_by": names, "definition": values, "cycle": values}
)
snapshots = st.dictionaries(st.tuples(kinds, names), attributes, max_size=12).map(snapshot)


@given(snapshots)
def test_nothing_differs_from_itself(one: Snapshot) -> None:
    assert differences(one, one) == ()


@given(snapshots, snapshots)
def test_the_other_way_round_is_new_what_was_gone(before: Snapshot, after: Snapshot) -> None:
    other = {"new": "gone", "gone": "new", "differs": "differs"}
    turned = [
        one._replace(change=other[one.change], before=one.after, after=one.before) for one in differences(before, after)
    ]
    assert sorted(map(repr, turned)) == sorted(map(repr, differences(after, before)))


@given(snapshots, snapshots)
def test_there_is_one_wherever_something_differs(before: Snapshot, after: Snapshot) -> None:
    told = differences(before, after)
    assert bool(told) == (_written(before) != _written(after))
    assert {one.object for one in told if one.change == "new"} <= {thing.name for thing in after.things}
    assert {one.object for one in told if one.change == "gone"} <= {thing.name for thing in before.things}


def _written(one: Snapshot) -> dict[Thing, dict[str, Any]]:
    """The attributes as the server writes them: none that is null."""
    return {
        thing: {name: value for name, value in json.loads(text).items() if value is not None}
        for thing, text in one.things.items()
    }


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


any_name = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(any_name, any_name, any_name)
def test_a_table_of_any_name_goes_with_its_columns_of_any_name(schema: str, table: str, column: str) -> None:
    full = f"{quoted(schema)}.{quoted(table)}"
    after = snapshot({("table", full): {}, ("column", f"{full}.{quoted(column)}"): {}})
    assert differences(snapshot({}), after) == (new("table", full),)


def owned_by(role: str, other: str) -> Snapshot:
    """What the server writes of a role; it puts quotes around what is not a plain name."""
    return snapshot(
        {
            ("table", "public.t"): {
                "owner": role,
                "rights": sorted([f"{quoted(role)}=arwd/{quoted(role)}", f"{quoted(other)}=r/{quoted(role)}"]),
            },
            ("policy", "public.t.p"): {"roles": sorted([role, other])},
            ("default_privileges", f"{quoted(role)} on tables"): {},
            ("setting", f"{quoted(role)}: work_mem"): {"value": "1MB"},
        }
    )


@given(any_name, any_name, any_name)
def test_what_only_the_owners_name_tells_apart_is_equal(one: str, two: str, other: str) -> None:
    assume(other not in (one, two))
    assert differences(with_owner_as(owned_by(one, other), one), with_owner_as(owned_by(two, other), two)) == ()


@given(any_name, any_name)
def test_an_owner_is_replaced_once(one: str, other: str) -> None:
    assume(one != "@owner")
    replaced = with_owner_as(owned_by(one, other), one)
    assert with_owner_as(replaced, one) == replaced
