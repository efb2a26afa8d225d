"""An empty database that the user names as the scratch: what is refused, and that it is empty again."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from medusa_migrations.verify.scratch.claim import lock_key
from tests.faults.test_scratch import begun, go, role, wait_until_it_sleeps
from tests.support.kills import crash
from tests.support.processes import ended
from tests.support.projects import Project
from tests.support.scratches import EVERY_KIND, write_script

MAKE = "ask('default', 'CREATE SCHEMA s'); ask('default', 'CREATE TABLE s.t (id int)'); print(where())"


@pytest.fixture
def empty(project: Project) -> Iterator[str]:
    """An empty database."""
    name = f"{project.database}_empty"
    project.server.create_database(name)
    yield name
    project.server.drop_database(name)


def things(project: Project, name: str) -> list[tuple[str, ...]]:
    """What of a database no other one has: its schemas, objects, rights, comments and settings."""
    return project.server.execute(
        """
        SELECT 'schema', nspname, nspowner::regrole::text, COALESCE(nspacl, acldefault('n', nspowner))::text,
            obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
        UNION ALL SELECT 'class', relname, relowner::regrole::text, '', '' FROM pg_class WHERE oid >= 16384
            AND relnamespace::regnamespace::text !~ '^pg_'
        UNION ALL SELECT 'proc', proname, '', '', '' FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT 'type', typname, '', '', '' FROM pg_type WHERE oid >= 16384
            AND typnamespace::regnamespace::text !~ '^pg_'
        UNION ALL SELECT 'large object', oid::text, '', '', '' FROM pg_largeobject_metadata
        UNION ALL SELECT 'extension', extname, '', '', '' FROM pg_extension
        UNION ALL SELECT 'default acl', defaclacl::text, '', '', '' FROM pg_default_acl
        UNION ALL SELECT 'setting', setconfig::text, '', '', '' FROM pg_db_role_setting
            JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database()
        UNION ALL SELECT 'database', datname, datdba::regrole::text, COALESCE(datacl, acldefault('d', datdba))::text,
            shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()
        ORDER BY 1, 2
        """,
        name,
    )


def test_it_is_used_and_emptied_by_renew_and_at_the_end(project: Project, empty: str) -> None:
    before = things(project, empty)
    body = f"{MAKE}; scratch.renew(); {MAKE}"
    assert project.manage(script=write_script(project, body, existing=empty)).ok().stdout.split() == [empty] * 3
    assert things(project, empty) == before
    project.manage(script=write_script(project, MAKE, existing=empty)).ok()


def test_no_kind_of_object_no_right_no_comment_and_no_setting_stays(project: Project, empty: str) -> None:
    project.server.execute(
        f"ALTER DATABASE {empty} SET search_path = \"$user\", public; ALTER DATABASE {empty} SET work_mem = '5MB';"
        f"COMMENT ON DATABASE {empty} IS 'the scratch'; GRANT CREATE ON DATABASE {empty} TO pg_monitor;"
    )
    before = things(project, empty)
    (project.folder / "kinds.sql").write_text(EVERY_KIND)
    body = """
name = scratch.name
with open("kinds.sql") as file:
    sql = file.read()
with open_session("default") as session:
    session.execute(sql)
    session.execute(f"ALTER DATABASE {name} SET work_mem = '6MB'; ALTER DATABASE {name} SET app.x = 'y';"
        f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET work_mem = '7MB'; ALTER DATABASE {name} RESET search_path;"
        f"COMMENT ON DATABASE {name} IS NULL; REVOKE ALL ON DATABASE {name} FROM pg_monitor, PUBLIC")
"""
    project.manage(script=write_script(project, body, existing=empty)).ok()
    assert things(project, empty) == before


def test_the_schema_public_is_made_again(project: Project, empty: str) -> None:
    before = things(project, empty)
    body = "ask('default', 'DROP SCHEMA public CASCADE')"
    project.manage(script=write_script(project, body, existing=empty)).ok()
    assert things(project, empty) == before


def test_an_owner_without_any_privilege_is_enough(project: Project, empty: str) -> None:
    with role(project) as name:
        project.sql(f"ALTER DATABASE {empty} OWNER TO {name}")
        before = things(project, empty)
        body = (
            f"{MAKE}; ask('default', 'CREATE EXTENSION hstore'); ask('default', 'CREATE TABLE t (h hstore)');"
            "ask('default', 'SELECT lo_create(1)'); ask('default', 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES"
            " TO PUBLIC'); ask('default', 'DROP SCHEMA public CASCADE')"
        )
        try:
            project.manage(script=write_script(project, body, existing=empty)).ok()
            assert things(project, empty) == before
        finally:
            project.sql(f"ALTER DATABASE {empty} OWNER TO {project.server.parameters['user']}")


NOT_EMPTY = {
    "CREATE TABLE t ()": "table public.t",
    "CREATE VIEW v AS SELECT 1 AS one": "view public.v",
    "CREATE TYPE e AS ENUM ('a')": "type public.e",
    "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'": "function public.f(integer)",
    "CREATE SCHEMA s": "schema s",
    "CREATE EXTENSION hstore": "extension hstore",
    "SELECT lo_create(7)": "large object 7",
    "; ".join(f"CREATE SEQUENCE {name}" for name in "abcdef"): (
        "sequence public.a, sequence public.b, sequence public.c, sequence public.d, sequence public.e and 1 more"
    ),
}


@pytest.mark.parametrize("sql", NOT_EMPTY)
def test_one_that_is_not_empty_is_refused_and_what_is_in_it_named(project: Project, empty: str, sql: str) -> None:
    project.server.execute(sql, empty)
    before = things(project, empty)
    error = project.manage(script=write_script(project, "", existing=empty)).error()
    assert f"is not empty: it has {NOT_EMPTY[sql]}. Nothing was done." in error
    assert things(project, empty) == before


def test_what_the_template_brings_is_not_in_the_way_and_stays(project: Project) -> None:
    template, name = f"{project.database}_template", f"{project.database}_copy"
    project.server.create_database(template)
    try:
        project.server.execute("CREATE EXTENSION hstore; CREATE SCHEMA s; CREATE TABLE s.t ()", template)
        project.server.create_database(name, template)
        before = things(project, name)
        error = project.manage(script=write_script(project, "", existing=name)).error()
        assert "it has extension hstore, schema s, table s.t" in error
        project.add_settings(f"DATABASES['default']['TEST'] = {{'TEMPLATE': '{template}'}}")
        body = "ask('default', 'CREATE TABLE s.u (h hstore)')"
        project.manage(script=write_script(project, body, existing=name)).ok()
        assert things(project, name) == before
        error = project.manage(
            script=write_script(project, "ask('default', 'DROP SCHEMA s CASCADE')", existing=name)
        ).error()
        assert "table s.t (is missing)" in error
        assert "make it anew" in error
    finally:
        project.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        project.sql(f"DROP DATABASE {template} WITH (FORCE)")


def test_one_that_is_not_there_is_live_or_a_template_is_refused(project: Project, empty: str) -> None:
    cases = {
        "no_such": "There is no database 'no_such'",
        project.database: "is one of DATABASES",
        empty: "is one of DATABASES",
        "template1": "is one from which others are made",
        "postgres": "is one from which others are made",
    }
    project.add_settings(f"DATABASES['reports'] = DATABASES['default'] | {{'NAME': '{empty}'}}")
    for name, words in cases.items():
        assert words in project.manage(script=write_script(project, "", existing=name)).error()


def test_one_of_another_encoding_is_refused(project: Project) -> None:
    name = f"{project.database}_latin"
    project.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        error = project.manage(script=write_script(project, "", existing=name)).error()
    finally:
        project.sql(f"DROP DATABASE {name}")
    assert "is in the encoding LATIN1" in error
    assert "ENCODING 'UTF8' TEMPLATE template0" in error


def test_a_second_proof_in_it_is_refused_at_once(project: Project, empty: str) -> None:
    with begun(project, existing=empty) as (first, name):
        error = project.manage(script=write_script(project, "", existing=empty, name="second.py")).error()
        assert f"Migrations are being proven in the database '{empty}' by pid" in error
        assert f":{first.pid}" in error
        go(project, name)
        assert ended(first)[0] == 0


def test_a_lock_counts_in_whatever_database_its_session_is(project: Project, empty: str) -> None:
    """Who may not connect to `postgres` holds it in a database of its own."""
    with contextlib.closing(project.server.connect(project.database, application_name="the other one")) as other:
        other.cursor().execute(f"SELECT pg_advisory_lock({lock_key(empty)})")
        error = project.manage(script=write_script(project, "", existing=empty)).error()
    assert "the other one" in error


def test_a_signal_in_the_midst_leaves_it_empty(project: Project, empty: str) -> None:
    before = things(project, empty)
    with begun(project, existing=empty) as (process, name):
        wait_until_it_sleeps(project, name)
        process.send_signal(signal.SIGTERM)
        code, _, stderr = ended(process)
    assert (code, "Traceback" in stderr) == (1, False), stderr
    assert things(project, empty) == before


def test_what_is_kept_stays_in_it(project: Project, empty: str) -> None:
    project.manage(script=write_script(project, MAKE, existing=empty, keep=True)).ok()
    assert project.server.execute("SELECT count(*) FROM s.t", empty) == [(0,)]


def test_what_cannot_be_dropped_is_named_and_the_error_stays(project: Project, empty: str) -> None:
    with role(project) as name:
        project.sql(f"GRANT CREATE ON DATABASE {empty} TO {name}")
        admin = " ".join(f"{key}={value}" for key, value in project.server.parameters.items())
        body = f"""
import psycopg2
other = psycopg2.connect("{admin} dbname={empty}")
other.cursor().execute("CREATE TABLE theirs ()")
other.commit()
other.close()
raise MigrationError("the first error")
"""
        error = project.manage(script=write_script(project, body, existing=empty)).error()
    assert error.startswith("CommandError: the first error\n")
    assert "is not again what it was: table public.theirs (must be owner of table theirs)" in error


def test_many_tables_go_without_the_room_for_locks_of_all(lone_project: Project) -> None:
    project = lone_project
    project.sql("ALTER SYSTEM SET max_locks_per_transaction = 10")
    project.sql("ALTER SYSTEM SET max_connections = 20")
    crash(project)
    project.sql("CREATE DATABASE empty TEMPLATE template0")
    before = things(project, "empty")
    body = """
for start in range(0, 600, 20):
    ask("default", "".join(f"CREATE TABLE t{n} (id int PRIMARY KEY, a text);" for n in range(start, start + 20)))
"""
    project.manage(script=write_script(project, body, existing="empty")).ok()
    assert things(project, "empty") == before
