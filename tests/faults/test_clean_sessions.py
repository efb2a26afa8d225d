"""Hostile migrations: what one does to its session, to the lock or to the history."""

from __future__ import annotations

import pytest

from tests.support.projects import Project

HOSTILE = {
    "an empty search_path": "SELECT pg_catalog.set_config('search_path', '', false);",
    "another schema first": "CREATE SCHEMA other; SET search_path = other; CREATE TABLE medusa_migrations (id int);",
    "a role without rights": "SET ROLE pg_monitor;",
    "another user": "SET SESSION AUTHORIZATION pg_monitor;",
    "a tiny timeout": "SET statement_timeout = '1ms'; SET lock_timeout = '1ms';",
    "read-only transactions": "SET default_transaction_read_only = on;",
    "a serializable session": "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
    "another time zone": "SET TIME ZONE 'Asia/Kathmandu';",
    "another encoding": "DO $$BEGIN PERFORM set_config('client_encoding', 'LATIN1', false); END$$;",
    "backslashes in strings": "DO $$BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END$$;",
    "a temporary table": "CREATE TEMP TABLE t2 (id int); CREATE TEMP TABLE medusa_migrations (id int);",
    "a prepared statement and a cursor": "PREPARE p AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1; LISTEN x;",
    "no triggers": "SET session_replication_role = replica;",
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("option", ["", " transaction:false"])
def test_what_a_migration_leaves_in_its_session_reaches_nothing(project: Project, hostile: str, option: str) -> None:
    project.write("blog.20240101000001_hostile", HOSTILE[hostile], option=option)
    project.write(
        "blog.20240101000002_t2",
        "CREATE TABLE t2 AS SELECT current_schema AS schema, current_user AS role, session_user AS login,"
        " current_setting('TimeZone') AS zone, current_setting('lock_timeout') AS lock_timeout, 'é\\' AS text,"
        " (SELECT count(*) FROM pg_prepared_statements) + (SELECT count(*) FROM pg_cursors) AS left,"
        " current_setting('session_replication_role') AS role2, current_setting('transaction_isolation') AS isolation;",
    )
    project.run().ok()
    assert len(project.applied()) == 2
    user = project.server.parameters.get("user", "postgres")
    assert project.sql("SELECT * FROM public.t2") == [
        ("public", user, user, "UTC", "5s", "é\\", 0, "origin", "read committed")
    ]
    assert project.locks() == 0


@pytest.mark.parametrize("mode", ["each", "all", "none"])
def test_a_migration_that_frees_the_lock_is_rolled_back_and_named(project: Project, mode: str) -> None:
    project.table(1)
    project.write("blog.20240101000002_free", "SELECT pg_advisory_unlock_all(); CREATE TABLE freed (id int);")
    error = project.run("--transaction", mode).error()
    assert "blog.20240101000002_free failed" in error
    assert "pg_advisory_unlock_all" in error
    assert "blog.20240101000002_free" not in project.applied()
    if mode == "none":
        assert project.history()[-1] == ("blog.20240101000002_free", "failed")
        project.write("blog.20240101000002_free", "CREATE TABLE freed (id int);")
        project.run("--transaction", "none").ok()
    else:
        assert "freed" not in project.tables()


def test_a_history_that_a_migration_drops_is_an_error_and_rolled_back(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.write("blog.20240101000002_drop", "DROP TABLE medusa_migrations;")
    assert "medusa_migrations" in project.run().error()
    assert len(project.applied()) == 1


def test_what_was_set_for_the_session_is_set_again_when_it_goes_on(project: Project) -> None:
    up = "CREATE SCHEMA s;\nSET search_path = s;\nCREATE TABLE a (id int);\nSELECT 1/{};\nCREATE TABLE b (id int);"
    project.write("blog.20240101000001_steps", up.format(0), option=" transaction:false")
    project.run().error()
    project.write("blog.20240101000001_steps", up.format(1), option=" transaction:false")
    project.run().ok()
    assert project.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 's'") == [(2,)]


@pytest.mark.parametrize(
    "setting",
    [
        "SELECT pg_catalog.set_config('search_path', 's', false)",
        "BEGIN;\nSET search_path = s;\nCOMMIT",
        "SET search_path = s",
    ],
)
def test_every_way_to_set_something_is_followed_again(project: Project, setting: str) -> None:
    up = f"CREATE SCHEMA s;\n{setting};\nCREATE TABLE a (id int);\nSELECT 1/{{}};\nCREATE TABLE b (id int);"
    project.write("blog.20240101000001_steps", up.format(0), option=" transaction:false")
    project.run().error()
    project.write("blog.20240101000001_steps", up.format(1), option=" transaction:false")
    project.run().ok()
    assert project.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 's'") == [(2,)]


def test_discard_all_keeps_the_lock(project: Project) -> None:
    project.write(
        "blog.20240101000001_discard", "SET work_mem = '1MB';\nDISCARD ALL;\nSELECT 1;", option=" transaction:false"
    )
    project.run().ok()
    assert len(project.applied()) == 1


def test_what_connection_created_sets_holds_for_every_migration(project: Project) -> None:
    project.sql("CREATE SCHEMA tenant")
    (project.folder / "blog/apps.py").write_text(
        "from django.apps import AppConfig\nfrom django.db.backends.signals import connection_created\n\n\n"
        "def choose(connection, **kwargs):\n    connection.cursor().execute('SET search_path = tenant')\n\n\n"
        "class Blog(AppConfig):\n    name = 'blog'\n\n"
        "    def ready(self):\n        connection_created.connect(choose)\n"
    )
    project.table(1)
    project.table(2)
    project.run().ok()
    tables = project.sql("SELECT tablename::text FROM pg_tables WHERE schemaname = 'tenant' ORDER BY 1")
    assert tables == [("medusa_migrations",), ("medusa_migrations_log",), ("t1",), ("t2",)]
