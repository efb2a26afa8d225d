"""Which values a revert is said to lose."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from medusa_migrations.verify.catalog.snapshot import Snapshot, Thing
from medusa_migrations.verify.conversions import keeps_values
from medusa_migrations.verify.loses import loses

# Of each relation its oid and its columns, of each column its attnum and its type.
Relations = Mapping[str, tuple[int, Mapping[str, tuple[int, str]]]]

COLUMNS = {"id": (1, "bigint"), "state": (2, "text")}
POST = {"public.post": (100, COLUMNS)}


def snapshot(relations: Relations, kind: str = "table", **attributes: object) -> Snapshot:
    things: dict[Thing, str] = {}
    identity: dict[Thing, int] = {}
    for relation, (oid, columns) in relations.items():
        identity[Thing(kind, relation)] = oid
        for column, (number, type_) in columns.items():
            thing = Thing("column", f"{relation}.{column}")
            identity[thing] = number
            things[thing] = json.dumps({"type": type_} | attributes)
    return Snapshot(things, identity)


def post(**columns: tuple[int, str]) -> Relations:
    return {"public.post": (100, COLUMNS | columns)}


NEW_TABLE: Relations = {"public.post": (200, COLUMNS)}
NEW_COLUMN = post(state=(3, "text"))
WITHOUT: Relations = {"public.post": (100, {"id": (1, "bigint")})}

IDENTITIES: dict[str, tuple[Relations, Relations, Relations, tuple[str, ...]]] = {
    "nothing when all is as it was": (POST, POST, POST, ()),
    "a column that was dropped and added again": (POST, WITHOUT, NEW_COLUMN, ("post.state",)),
    "a table that was dropped and made again, and not its columns": (POST, {}, NEW_TABLE, ("post",)),
    "nothing of a table that was dropped for good": (POST, {}, {}, ()),
    "nothing of what only the up made": (POST, post(more=(3, "text")), POST, ()),
    "a column of another schema, by its whole name": (
        {"shop.post": (100, COLUMNS)},
        {},
        {"shop.post": (100, {"id": (1, "bigint"), "state": (5, "text")})},
        ("shop.post.state",),
    ),
    "a column whose name needs quotes": (
        {'public."P.q"': (100, {'"a.b"': (1, "text")})},
        {},
        {'public."P.q"': (100, {'"a.b"': (2, "text")})},
        ('"P.q"."a.b"',),
    ),
    "all of them in the order of their names": (
        post(b=(3, "text"), a=(4, "text")),
        WITHOUT,
        post(b=(6, "text"), a=(7, "text")),
        ("post.a", "post.b"),
    ),
    "nothing of a column that had another name meanwhile": (
        POST,
        {"public.post": (100, {"id": (1, "bigint"), "status": (2, "text")})},
        POST,
        (),
    ),
    "a type that was another one meanwhile": (POST, post(state=(2, "date")), POST, ("post.state",)),
    "a type that was another one under another name": (
        POST,
        {"public.article": (100, {"status": (2, "date")})},
        POST,
        ("post.state",),
    ),
    "nothing of a type that held more meanwhile": (
        post(state=(2, "integer")),
        post(state=(2, "bigint")),
        post(state=(2, "integer")),
        (),
    ),
    "nothing of a type that only the up changed for another column": (
        POST,
        post(state=(3, "date")),
        POST,
        (),
    ),
}


@pytest.mark.parametrize(("before", "up", "down", "lost"), IDENTITIES.values(), ids=IDENTITIES)
def test_it_names(before: Relations, up: Relations, down: Relations, lost: tuple[str, ...]) -> None:
    assert loses(snapshot(before), snapshot(up), snapshot(down), "") == lost


def test_a_view_that_is_made_anew_loses_nothing() -> None:
    before, after = snapshot(POST, "view"), snapshot({"public.post": (200, {"state": (7, "text")})}, "view")
    assert loses(before, after, after, "") == ()


def test_a_column_that_is_generated_loses_nothing() -> None:
    before, after = snapshot(POST, generated="s"), snapshot(NEW_COLUMN, generated="s")
    assert loses(before, snapshot(WITHOUT), after, "") == ()


# What the down part says, and what is lost of the column post.state.
DOWNS = {
    "an UPDATE fills the column": ("UPDATE post SET state = old.state FROM old", ()),
    "an UPDATE names the schema, ONLY and another name": ("UPDATE ONLY public.post AS p SET state = 'x'", ()),
    "an UPDATE sets several": ("UPDATE post SET id = f(1, 2), state = '' WHERE id > 0", ()),
    "an UPDATE sets a list": ("UPDATE post SET (id, state) = (SELECT 1, 'a')", ()),
    "the names are in quotes": ('UPDATE "post" SET "state" = \'\'', ()),
    "the names are written with escapes": ("UPDATE U&\"p\\006fst\" SET state = ''", ()),
    "the names are in capitals": ("update POST set STATE = ''", ()),
    "an UPDATE stands in a WITH": ("WITH a AS (UPDATE post SET state = '' RETURNING id) SELECT 1", ()),
    "an UPDATE follows a WITH": ("WITH a AS (SELECT 1) UPDATE post SET state = ''", ()),
    "an INSERT updates what is there": (
        "INSERT INTO post SELECT * FROM old ON CONFLICT (id) DO UPDATE SET state = excluded.state",
        (),
    ),
    "a MERGE updates": (
        "MERGE INTO post USING old ON old.id = post.id WHEN MATCHED THEN UPDATE SET state = old.state",
        (),
    ),
    "it is the last of several": ("ALTER TABLE post ADD state text; UPDATE post SET state = '';", ()),
    "an UPDATE sets another column": ("UPDATE post SET id = 2, x = state", ("post.state",)),
    "an UPDATE only reads it": ("UPDATE post SET id = 2 WHERE state = ''", ("post.state",)),
    "an UPDATE of another table": ("UPDATE author SET state = ''", ("post.state",)),
    "an UPDATE of another schema": ("UPDATE shop.post SET state = ''", ("post.state",)),
    "an INSERT adds rows beside those that are there": ("INSERT INTO post (state) VALUES ('')", ("post.state",)),
    "it is in a comment": ("-- UPDATE post SET state = ''", ("post.state",)),
    "it is in a string": ("SELECT 'UPDATE post SET state = 1'", ("post.state",)),
    "it is in a DO block": ("DO $$ BEGIN UPDATE post SET state = ''; END $$", ("post.state",)),
    "rows are locked": ("SELECT 1 FROM post FOR UPDATE", ("post.state",)),
    "a foreign key says UPDATE": (
        "ALTER TABLE post ADD FOREIGN KEY (id) REFERENCES post ON UPDATE SET NULL",
        ("post.state",),
    ),
    "nothing is known": ("", ("post.state",)),
}


@pytest.mark.parametrize(("sql", "lost"), DOWNS.values(), ids=DOWNS)
def test_a_column_that_was_made_anew_when(sql: str, lost: tuple[str, ...]) -> None:
    assert loses(snapshot(POST), snapshot(WITHOUT), snapshot(NEW_COLUMN), sql) == lost


TABLES = {
    "an INSERT fills it": ("INSERT INTO post VALUES (1)", ()),
    "an INSERT names its schema": ("INSERT INTO public.post TABLE old", ()),
    "an INSERT stands behind a WITH": ("WITH a AS (DELETE FROM old RETURNING *) INSERT INTO post SELECT * FROM a", ()),
    "COPY fills it": ("COPY post (id) FROM stdin;\n1\n\\.\n", ()),
    "a MERGE fills it": ("MERGE INTO post USING old ON false WHEN NOT MATCHED THEN INSERT VALUES (old.id)", ()),
    "it is made with its rows": ("CREATE TABLE post AS SELECT * FROM old", ()),
    "it is made with its rows if it is not there": ("CREATE TABLE IF NOT EXISTS public.post AS TABLE old", ()),
    "COPY reads it": ("COPY post TO '/tmp/x'", ("post",)),
    "another is filled": ("INSERT INTO author SELECT id FROM post", ("post",)),
    "it is made without rows": ("CREATE TABLE post (id bigint GENERATED ALWAYS AS IDENTITY)", ("post",)),
    "a column is set": ("UPDATE post SET state = ''", ("post",)),
}


@pytest.mark.parametrize(("sql", "lost"), TABLES.values(), ids=TABLES)
def test_a_table_that_was_made_anew_when(sql: str, lost: tuple[str, ...]) -> None:
    assert loses(snapshot(POST), snapshot({}), snapshot(NEW_TABLE), sql) == lost


def test_a_type_that_was_another_one_is_no_loss_when_an_update_fills_the_column() -> None:
    down = "ALTER TABLE post ALTER state TYPE text; UPDATE post SET state = old_state"
    assert loses(snapshot(POST), snapshot(post(state=(2, "date"))), snapshot(POST), down) == ()


# The labels before and meanwhile, None for no enum, the type meanwhile, and whether all values come back.
ENUMS = {
    "a text holds each label": (["a", "bc"], None, "text", True),
    "a text long enough holds each label": (["a", "bc"], None, "character varying(2)", True),
    "a text too short does not": (["a", "bc"], None, "character varying(1)", False),
    "an enum with more labels holds them": (["a"], ["b", "a"], "public.other", True),
    "an enum without one of them does not": (["a", "b"], ["a"], "public.other", False),
    "a number does not": (["a"], None, "integer", False),
}


@pytest.mark.parametrize(("labels", "others", "type_", "is_kept"), ENUMS.values(), ids=ENUMS)
def test_of_an_enum(labels: list[str], others: list[str] | None, type_: str, is_kept: bool) -> None:
    def with_enum(relations: Relations, name: str, labels: list[str] | None) -> Snapshot:
        found = snapshot(relations)
        return found._replace(things={**found.things, Thing("type", name): json.dumps({"labels": labels})})

    column = post(state=(2, "public.e"))
    before = with_enum(column, "public.e", labels)
    lost = loses(before, with_enum(post(state=(2, type_)), type_, others), before, "")
    assert lost == (() if is_kept else ("post.state",))


KEPT = [
    ("integer", "bigint"),
    ("bigint", "integer"),  # what is out of range is refused
    ("integer", "numeric"),
    ("integer", "numeric(5,2)"),
    ("numeric(10,2)", "numeric(8,3)"),
    ("numeric(10,2)", "numeric"),
    ("numeric(10,0)", "bigint"),
    ("numeric(3,-2)", "integer"),
    ("smallint", "real"),
    ("integer", "double precision"),
    ("real", "double precision"),
    ("character varying(10)", "character varying(20)"),
    ("character varying(10)", "text"),
    ("character varying", "text"),
    ("text", "character varying"),
    ("character(3)", "character(5)"),
    ("character(3)", "text"),
    ("public.citext", "text"),
    ("text", "public.citext"),
    ("integer", "text"),
    ("integer", "character varying(11)"),
    ("uuid", "character varying(36)"),
    ("jsonb", "text"),
    ("jsonb", "json"),
    ("boolean", "integer"),
    ("cidr", "inet"),
    ("date", "timestamp with time zone"),
    ("timestamp(3) with time zone", "timestamp with time zone"),
    ("timestamp(3) without time zone", "timestamp(4) without time zone"),
    ("time(0) without time zone", "time without time zone"),
    ("integer[]", "bigint[]"),
    ("public.anything", "public.anything"),
]

LOST = [
    ("numeric(10,2)", "integer"),
    ("numeric(10,2)", "numeric(10,1)"),
    ("numeric", "numeric(10,2)"),
    ("integer", "numeric(5,-2)"),
    ("integer", "real"),
    ("bigint", "double precision"),
    ("double precision", "real"),
    ("double precision", "numeric"),
    ("text", "character varying(10)"),
    ("character varying(20)", "character varying(10)"),
    ("character varying", "character varying(10)"),
    ("text", "character(10)"),
    ("character varying(2)", "character(5)"),
    ("character(5)", "character(3)"),
    ("integer", "character varying(10)"),
    ("text", "integer"),
    ("json", "jsonb"),
    ("inet", "cidr"),
    ("timestamp with time zone", "date"),
    ("timestamp with time zone", "timestamp without time zone"),
    ("timestamp without time zone", "timestamp with time zone"),
    ("timestamp with time zone", "timestamp(3) with time zone"),
    ("date", "timestamp(3) with time zone"),
    ("timestamp with time zone", "text"),
    ("interval year", "interval"),
    ("integer", "integer[]"),
    ("double precision[]", "integer[]"),
    ("public.one", "public.other"),
    ("bit(3)", "bit(2)"),
]


@pytest.mark.parametrize(("old", "new"), KEPT)
def test_every_value_comes_back(old: str, new: str) -> None:
    assert keeps_values(old, new)


@pytest.mark.parametrize(("old", "new"), LOST)
def test_not_every_value_comes_back(old: str, new: str) -> None:
    assert not keeps_values(old, new)
