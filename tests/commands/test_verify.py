"""migrations_verify: what it finds, what it says, what it leaves behind."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.support.projects import Project, Server

pytestmark = pytest.mark.xdist_group("verify")  # what they look at is made once

BASE = """\
CREATE TABLE item (id bigint PRIMARY KEY, sku varchar(20), note text DEFAULT 'none', position int NOT NULL DEFAULT 0,
    weight int);
CREATE TABLE line (id bigint CONSTRAINT line_key PRIMARY KEY, item_id bigint,
    CONSTRAINT line_item FOREIGN KEY (item_id) REFERENCES item (id) ON DELETE CASCADE);
CREATE INDEX line_item_ix ON line (item_id);
CREATE TABLE tag (name text PRIMARY KEY);
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER stamped BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION stamp();
"""


@dataclass(frozen=True)
class Case:
    """A migration, and what is to be said of it: its status, and objects that drift, or where its error is."""

    up: str
    down: str | None
    status: str
    drift: tuple[str, ...] = ()
    line: int | None = None
    loses: tuple[str, ...] = ()
    option: str = ""
    header: str = ""


# The first nine are of the kinds that were found in the migrations of a shop that is used a lot (Medusa's first
# version), whose own tools had found none of them.
CASES = {
    "a down that forgets ON DELETE": Case(
        "ALTER TABLE line DROP CONSTRAINT line_item;\n"
        "ALTER TABLE line ADD CONSTRAINT line_item FOREIGN KEY (item_id) REFERENCES item (id) ON DELETE SET NULL;",
        "ALTER TABLE line DROP CONSTRAINT line_item;\n"
        "ALTER TABLE line ADD CONSTRAINT line_item FOREIGN KEY (item_id) REFERENCES item (id);",
        "drift",
        ("constraint public.line.line_item",),
    ),
    "a down that makes varchar text, and an index of another name": Case(
        "ALTER TABLE item ALTER sku TYPE varchar(40); DROP INDEX line_item_ix;",
        "ALTER TABLE item ALTER sku TYPE text; CREATE INDEX line_item_index ON line (item_id);",
        "drift",
        ("column public.item.sku", "index public.line_item_index", "index public.line_item_ix"),
        line=2,
    ),
    "a down that leaves an extension": Case(
        "CREATE EXTENSION IF NOT EXISTS pg_trgm;", "", "drift", ("extension pg_trgm",)
    ),
    "a primary key that comes back under another name": Case(
        "ALTER TABLE line DROP CONSTRAINT line_key;",
        "ALTER TABLE line ADD PRIMARY KEY (id);",
        "drift",
        ("constraint public.line.line_key", "constraint public.line.line_pkey"),
        line=2,
    ),
    "a down that drops what is not there": Case(
        "CREATE TABLE category ();", "DROP TABLE category;\nDROP TABLE category_tags;", "down_failed", line=5
    ),
    "a down with a slip": Case(
        "ALTER TABLE item ADD created_at timestamptz;",
        "ALTER TABLE item\n  DROP COLUMN created_at NOT NULL;",
        "down_failed",
        line=5,
    ),
    "a down that brings a key back to a column that is gone": Case(
        "ALTER TABLE line DROP COLUMN item_id;",
        "ALTER TABLE line ADD CONSTRAINT line_item FOREIGN KEY (item_id) REFERENCES item (id);",
        "down_failed",
        line=4,
    ),
    "a down that sets NOT NULL where the up has left NULL": Case(
        "INSERT INTO item (id) VALUES (1);",
        "ALTER TABLE item ALTER sku SET NOT NULL;",
        "down_failed",
        line=4,
    ),
    "rows that the second up inserts again": Case(
        "CREATE TABLE label (); INSERT INTO tag VALUES ('new');", "DROP TABLE label;", "second_up_failed", line=2
    ),
    "a down that leaves a default": Case(
        "ALTER TABLE item ALTER sku SET DEFAULT '';", "SELECT 1;", "drift", ("column public.item.sku",)
    ),
    "a down that loses a default": Case(
        "ALTER TABLE item ALTER note SET DEFAULT '';",
        "ALTER TABLE item ALTER note DROP DEFAULT;",
        "drift",
        ("column public.item.note",),
    ),
    "a down that leaves a right": Case("GRANT SELECT ON item TO PUBLIC;", "SELECT 1;", "drift", ("table public.item",)),
    "a down that leaves a comment": Case(
        "COMMENT ON COLUMN item.note IS 'for people';", "", "drift", ("column public.item.note",)
    ),
    "a down that leaves a function as it was changed": Case(
        "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 2';",
        "",
        "drift",
        ("function public.one()",),
    ),
    "a down that leaves a trigger off": Case(
        "ALTER TABLE item DISABLE TRIGGER stamped;", "", "drift", ("trigger public.item.stamped",)
    ),
    "an enum value that stays": Case(
        "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'so so' AFTER 'good';", "", "drift", ("type public.mood",)
    ),
    "an enum value that stays and is allowed to": Case(
        "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'fine';",
        "",
        "proven",
        header="-- migrate:allow drift type mood: PostgreSQL cannot drop a value\n",
    ),
    "an allowance that allows nothing": Case(
        "CREATE TABLE other ();",
        "DROP TABLE other;",
        "drift",
        line=1,
        header="-- migrate:allow drift extension hstore: it was made by hand\n",
    ),
    "an up with a slip": Case("ALTER TABLE item\n  ADD COLUM size int NOT;", "", "up_failed", line=3),
    "no down at all": Case("CREATE TABLE forever ();", None, "irreversible"),
    "a column that comes back empty": Case(
        "ALTER TABLE item DROP weight;", "ALTER TABLE item ADD weight int;", "proven", loses=("item.weight",)
    ),
    "an index made while others write": Case(
        "CREATE INDEX CONCURRENTLY item_ix ON item (position);",
        "DROP INDEX CONCURRENTLY item_ix;",
        "proven",
        option=" transaction:false",
    ),
    "a role, which belongs to the server": Case(
        "CREATE TABLE secret ();\nCREATE ROLE verify_test_role;", "DROP TABLE secret;", "up_failed", line=3
    ),
    "a role that a block makes": Case(
        "SELECT 1;\nDO $$ BEGIN EXECUTE 'CREATE ROLE verify_test_role'; END $$;", "", "up_failed", line=3
    ),
    "a right on a database, which belongs to the server": Case(
        "GRANT CONNECT ON DATABASE postgres TO PUBLIC;", "", "up_failed", line=2
    ),
    "one that is right": Case("ALTER TABLE item ADD size int;", "ALTER TABLE item DROP size;", "proven"),
}
IDS = {name: f"blog.20240102{number:06d}_case" for number, name in enumerate(CASES)}


@dataclass(frozen=True)
class Verified:
    """All cases in one project, as one command has found them."""

    code: int
    document: dict[str, Any]
    text: str
    stderr: str

    def of(self, name: str) -> dict[str, Any]:
        return next(one for one in self.document["migrations"] if one["id"] == IDS[name])


@pytest.fixture(scope="session")
def verified(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verified]:
    database = f"test_verify_cases_{os.getpid()}"
    server.create_database(database)
    project = Project(tmp_path_factory.mktemp("verify"), server, database)
    project.write("blog.20240101000000_base", BASE, None)
    for name, case in CASES.items():
        project.write(IDS[name], case.up, case.down, header=case.header, option=case.option)
    found = project.manage("migrations_verify", "--json")
    again = project.manage("migrations_verify", "--all")
    yield Verified(found.code, found.json, again.stdout, found.stderr)
    scratch = again.stdout.split()[1]
    assert server.execute(f"SELECT FROM pg_database WHERE datname = '{scratch}'") == []
    assert project.tables() == set()
    server.drop_database(database)


def test_each_fault_is_found_and_hides_none(verified: Verified) -> None:
    found = {name: _as_case(name, verified.of(name)) for name in CASES}
    assert found == CASES


def _as_case(name: str, found: dict[str, Any]) -> Case:
    """The case as it was found to be."""
    drift = {f"{one['kind']} {one['object']}" for one in found["drift"]}
    return replace(
        CASES[name],
        status=found["status"],
        drift=tuple(sorted(drift)),
        line=(found["error"] or {}).get("line"),
        loses=tuple(found["loses"]),
    )


def test_faults_end_the_command_with_one_message(verified: Verified) -> None:
    faults = [IDS[name] for name, case in CASES.items() if case.status not in ("proven", "irreversible")]
    assert verified.code == 1
    assert verified.document["faults"] == len(faults)
    assert verified.stderr.count("CommandError: ") == 1
    assert all(id_ in verified.stderr for id_ in faults)


def test_the_text_says_what_differs_and_where(verified: Verified) -> None:
    id_ = IDS["a down that forgets ON DELETE"]
    assert (
        f"""\
  {id_}... DRIFT after down
      constraint public.line.line_item: definition
        before  FOREIGN KEY (item_id) REFERENCES public.item(id) ON DELETE CASCADE
        after   FOREIGN KEY (item_id) REFERENCES public.item(id)
"""
        in verified.text
    )
    slip = IDS["a down with a slip"]
    name = slip.removeprefix("blog.")
    assert (
        f"""\
  {slip}... DOWN FAILED: syntax error at or near "NOT" (SQLSTATE 42601)
      blog/sql_migrations/{name}.sql:5:26
           5 |   DROP COLUMN created_at NOT NULL;
             |                          ^
"""
        in verified.text
    )
    assert "reverting loses the values of item.weight" in verified.text
    assert json.dumps(verified.document["server_version"])[1:-1] in verified.text
