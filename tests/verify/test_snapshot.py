from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from medusa_migrations.database.session import Session
from medusa_migrations.verify.catalog.difference import differences, noted, with_owner_as
from medusa_migrations.verify.catalog.snapshot import Reader, Snapshot, Thing
from tests.support.projects import Server
from tests.support.servers import as_standby, server_in
from tests.support.sessions import session_on

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("snapshots")]

TABLES = """
CREATE TABLE history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, app text CHECK (app <> ''), n serial);
CREATE INDEX ON history (app);
CREATE STATISTICS history_s ON id, app FROM history;
CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE INSERT ON history FOR EACH ROW EXECUTE FUNCTION changed();
CREATE POLICY p ON history USING (true);
CREATE RULE r AS ON DELETE TO history DO INSTEAD NOTHING;
COMMENT ON TABLE history IS 'x';
COMMENT ON COLUMN history.app IS 'x';
COMMENT ON INDEX history_app_idx IS 'x';
COMMENT ON TRIGGER t ON history IS 'x';
"""
OTHERS = """
CREATE TABLE other (id int PRIMARY KEY, price numeric(10, 2) DEFAULT 0, born date DEFAULT '2020-01-31');
CREATE SCHEMA "A.b"
    CREATE TABLE history (id int);
"""


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    name = f"test_snapshot_{os.getpid()}"
    server.create_database(name)
    yield name
    server.drop_database(name)


@pytest.fixture
def open_on(django_db_blocker: Any) -> Iterator[Callable[[Server, str], Session]]:
    with django_db_blocker.unblock(), ExitStack() as stack:
        yield lambda server, database: stack.enter_context(session_on(server, database))


Open = Callable[[Server, str], Session]


def test_what_is_left_out_is_left_out_with_all_that_belongs_to_it(server: Server, database: str, open_on: Open) -> None:
    server.execute(OTHERS, database)
    before = Reader(open_on(server, database)).read()
    server.execute(TABLES, database)
    reader = Reader(open_on(server, database), without=["public.history"])
    assert differences(before, reader.read()) == differences(before, before._replace(things=before.things | FUNCTION))
    server.execute('ALTER TABLE history ADD z int; ALTER TABLE "A.b".history ADD z int', database)
    assert [one.object for one in differences(before, reader.read())] == ['"A.b".history.z', "public.changed()"]


FUNCTION = {Thing("function", "public.changed()"): "{}"}


def test_what_is_equal_is_shared_with_the_last_snapshot(server: Server, database: str, open_on: Open) -> None:
    server.execute(OTHERS, database)
    reader = Reader(open_on(server, database))
    first = reader.read()
    server.execute("ALTER TABLE other ADD z int; ALTER TABLE other ALTER price SET DEFAULT 1", database)
    second = reader.read(first)
    server.execute("ALTER TABLE other DROP z; ALTER TABLE other ALTER price SET DEFAULT 0", database)
    third = reader.read(second)
    assert third == first
    keys = {thing: thing for thing in first.things}
    assert all(thing is keys[thing] for thing in third.things)
    changed = Thing("column", "public.other.price")
    assert all(text is first.things[thing] for thing, text in third.things.items() if thing != changed)
    assert first.things[changed] != second.things[changed]


def test_identity_tells_what_was_made_anew(server: Server, database: str, open_on: Open) -> None:
    server.execute(OTHERS, database)
    reader = Reader(open_on(server, database))
    before = reader.read()
    server.execute("ALTER TABLE other DROP price; ALTER TABLE other ADD price numeric(10, 2) DEFAULT 0", database)
    server.execute('DROP TABLE "A.b".history; CREATE TABLE "A.b".history (id int)', database)
    after = reader.read(before)
    assert differences(before, after) == ()
    anew = {thing for thing, number in before.identity.items() if after.identity[thing] != number}
    assert anew == {Thing("column", "public.other.price"), Thing("table", '"A.b".history')}


def test_it_reads_in_a_transaction_that_only_reads(server: Server, database: str, open_on: Open) -> None:
    session = open_on(server, database)
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    reader = Reader(session)
    before = reader.read()
    server.execute("CREATE TABLE later (a int)", database)
    assert reader.read(before) == before
    session.execute("COMMIT")
    assert [one.object for one in differences(before, reader.read(before))] == ["public.later"]


def test_the_timeouts_of_its_role_do_not_end_it(server: Server, database: str, open_on: Open) -> None:
    """They are for what the application sends."""
    session = open_on(server, database)
    session.execute("SET statement_timeout = '1ms'; SET idle_session_timeout = '1ms'; BEGIN")
    Reader(session).read()
    session.execute("COMMIT")
    names = "'statement_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout'"
    rows = session.query(f"SELECT name, setting FROM pg_settings WHERE name IN ({names}) AND setting <> '0'")
    assert rows == []


def test_it_reads_on_a_standby(lone_folder: Path, open_on: Open) -> None:
    server_in(lone_folder).execute(OTHERS)
    standby = as_standby(lone_folder)
    session = open_on(standby, "postgres")
    assert session.query("SELECT pg_catalog.pg_is_in_recovery()") == [(True,)]
    assert Thing("column", "public.other.price") in Reader(session).read().things


PLANTED = """
CREATE FUNCTION refuse() RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'it was called'; END$$;
CREATE FUNCTION quote_ident(name) RETURNS text LANGUAGE sql AS 'SELECT refuse()';
CREATE FUNCTION format_type(oid, int) RETURNS text LANGUAGE sql AS 'SELECT refuse()';
CREATE FUNCTION to_json(text) RETURNS json LANGUAGE sql AS 'SELECT refuse()::json';
CREATE FUNCTION refuse(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT refuse()::boolean';
CREATE FUNCTION refuse(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT refuse()::boolean';
CREATE OPERATOR = (LEFTARG = oid, RIGHTARG = oid, FUNCTION = refuse);
CREATE OPERATOR <> (LEFTARG = name, RIGHTARG = name, FUNCTION = refuse);
CREATE TABLE pg_class (oid oid, relname name);
CREATE DOMAIN regclass AS text CHECK (refuse() IS NOT NULL);
ALTER DATABASE :database SET search_path = public, pg_catalog;
"""


def test_nothing_that_was_planted_is_called(server: Server, database: str, open_on: Open) -> None:
    server.execute(PLANTED.replace(":database", database), database)
    found = Reader(open_on(server, database)).read().things
    assert Thing("operator", "public.=(oid,oid)") in found
    assert Thing("column", "public.pg_class.oid") in found


CONSTANTS = """
ALTER TABLE other ADD at timestamptz DEFAULT '2020-01-31 12:00Z', ADD for_ interval DEFAULT '1 day';
"""
PRINTED_ELSE = (
    "quote_all_identifiers = on",
    "datestyle = 'SQL, DMY'",
    "intervalstyle = 'iso_8601'",
    "timezone = 'Asia/Tokyo'",
)


def test_it_is_printed_alike_whatever_is_set(server: Server, database: str, open_on: Open) -> None:
    server.execute(OTHERS, database)
    server.execute(CONSTANTS, database)
    before = Reader(open_on(server, database)).read()
    for setting in PRINTED_ELSE:
        server.execute(f"ALTER DATABASE {database} SET {setting}")
    told = differences(before, Reader(open_on(server, database)).read())
    assert {one.kind for one in told} == {"setting"}


OWNERS = ("plain_{}", 'o"w n=e/r\\{}')

OWNED = """
CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int DEFAULT 1);
GRANT SELECT ON t TO pg_monitor WITH GRANT OPTION;
GRANT SELECT (a) ON t TO PUBLIC;
CREATE POLICY p ON t TO current_user, pg_monitor USING (true);
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC;
REVOKE USAGE ON TYPE t FROM PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO current_user;
CREATE VIEW v AS SELECT * FROM t;
CREATE SCHEMA s;
CREATE PUBLICATION pub FOR TABLE t;
"""


@pytest.fixture
def owned(server: Server) -> Iterator[list[tuple[str, str]]]:
    """Two databases with what their owners have made, and these."""
    roles = [name.format(os.getpid()) for name in OWNERS]
    made = [(f"test_owned_{number}_{os.getpid()}", role) for number, role in enumerate(roles)]
    for database, role in made:
        server.execute(f"CREATE ROLE {quoted(role)} LOGIN")
        server.execute(f"CREATE DATABASE {database} TEMPLATE template0 OWNER {quoted(role)}")
        server.execute(f"ALTER ROLE {quoted(role)} IN DATABASE {database} SET work_mem = '9MB'")
        connection = server.connect(database, user=role)
        connection.cursor().execute(OWNED)
        connection.close()
    yield made
    for database, role in made:
        server.drop_database(database)
        server.execute(f"DROP ROLE {quoted(role)}")


def quoted(role: str) -> str:
    return '"' + role.replace('"', '""') + '"'


def test_databases_of_two_owners_differ_in_what_was_made_by_hand(
    server: Server, owned: list[tuple[str, str]], open_on: Open
) -> None:
    by_hand = "CREATE INDEX by_hand ON t (a); ALTER TABLE t ALTER a SET DEFAULT 2"
    server.execute(f"SET ROLE {quoted(owned[1][1])}; {by_hand}", owned[1][0])

    def read(database: str, role: str) -> Snapshot:
        mine = Server(server.parameters | {"user": role}, server.maintenance)
        return with_owner_as(Reader(open_on(mine, database)).read(), role)

    told = [one for one in differences(read(*owned[0]), read(*owned[1])) if not noted(one)]
    assert [(one.change, one.object) for one in told] == [("differs", "public.t.a"), ("new", "public.by_hand")]
