from __future__ import annotations

import pytest

from medusa_migrations.run.dependents import makes_one

TABLES = {"people_user", '"shop"."item"'}


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE people_user (id int);",
        'create table if not exists public."people_user"(id int);',
        "CREATE UNLOGGED TABLE\n  people_user AS SELECT 1;",
        'CREATE TABLE "shop"."item" (id int);',
        'schema.create_table("people_user", {})',
        "schema.create_table(\n    'people_user',",
    ],
)
def test_what_makes_a_table(text: str) -> None:
    assert makes_one(text, TABLES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CREATE TABLE people_user_groups (id int);",
        "CREATE TABLE old_people_user (id int);",
        "ALTER TABLE people_user ADD phone text;",
        "CREATE TABLE blog_post (user_id int REFERENCES people_user);",
        "CREATE INDEX i ON people_user (name);",
        'schema.create_table("people_user_groups", {})',
    ],
)
def test_what_does_not(text: str) -> None:
    assert not makes_one(text, TABLES)
