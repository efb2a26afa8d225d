"""A schema as a target: its tables and its history are in it, and nothing of it is anywhere else."""

from __future__ import annotations

import pytest

from tests.support.fleets import build, history_of, identifier, make_fleet, on, run_on, tables
from tests.support.projects import Project
from tests.support.slow import sampled

BOTH = {"medusa_migrations", "medusa_migrations_log"}

# What a name of a schema may be; the last has 63 bytes.
NAMES = ["Ada", "a b", 'quo"te', "it's", "back\\slash", "tab\there", "ünïcode 大", "per%cent", "$1", "a,b", "x" * 63]


def test_the_tables_and_the_history_of_a_schema_are_in_it(project: Project) -> None:
    make_fleet(project, "t1", "t2")
    id_ = project.table(1)
    build(project)
    assert f"Applying {id_}... OK" in run_on(project, "n0").ok().stdout
    assert tables(project, "t1") == {*BOTH, "t1"}
    assert tables(project, "t2") == tables(project, "public") == set()
    assert history_of(project, "t1") == [(id_, "applied")]
    assert "No migrations to apply." in run_on(project, "n0").ok().stdout
    assert "[X]" in project.manage(*on("n0", "migrations_show")).ok().stdout
    assert "[ ]" in project.manage(*on("n1", "migrations_show")).ok().stdout
    assert "applied" in project.manage(*on("n0", "migrations_show", "--log")).ok().stdout
    project.manage(*on("n0", "migrations_revert")).ok()
    assert tables(project, "t1") == BOTH


def test_the_history_of_public_is_not_that_of_a_schema(project: Project) -> None:
    make_fleet(project, "t1", search_path=["{schema}", "public"])
    id_ = project.table(1)
    project.run().ok()
    assert f"Applying {id_}... OK" in run_on(project, "n0").ok().stdout
    assert tables(project, "t1") == {*BOTH, "t1"}
    assert project.history() == history_of(project, "t1")
    project.sql("DROP TABLE t1.medusa_migrations_log")
    project.table(2)
    build(project)
    run_on(project, "n0").ok()
    assert tables(project, "t1") == {*BOTH, "t1", "t2"}
    assert "t2" not in tables(project, "public")


def test_a_missing_schema_is_refused_before_anything_is_made(project: Project) -> None:
    make_fleet(project, "t1", search_path=["{schema}", "public"])
    project.table(1)
    build(project)
    project.sql("DROP SCHEMA t1")
    for command in ("migrations_run", "migrations_revert", "migrations_show", "migrations_repair", "migrations_wait"):
        message = project.manage(*on("n0", command)).error()
        assert f"There is no schema 't1' in the database '{project.database}'" in message
        assert 'Make it: CREATE SCHEMA "t1"' in message
    assert tables(project, "public") == set()
    assert project.locks() == 0


@pytest.mark.smoke
@pytest.mark.parametrize("name", sampled(NAMES, 4))
def test_whatever_a_schema_is_called(project: Project, name: str) -> None:
    make_fleet(project, name)
    project.write("blog.20240101000001_a", "CREATE TABLE a (id int); SET search_path = pg_catalog;", "DROP TABLE a;")
    project.write("blog.20240101000002_b", "CREATE TABLE b (id int);", "DROP TABLE b;", option=" transaction:false")
    build(project)
    run_on(project, "n0").ok()
    assert tables(project, name) == {*BOTH, "a", "b"}
    assert tables(project, "public") == set()
    assert "[X]" in project.manage(*on("n0", "migrations_show")).ok().stdout
    project.manage(*on("n0", "migrations_revert", "--all", "--no-input")).ok()
    assert tables(project, name) == BOTH


def test_who_may_not_use_a_schema_is_told_so(project: Project) -> None:
    make_fleet(project, "t1")
    project.table(1)
    build(project)
    role = f"role_{project.database}"
    project.sql(f"CREATE ROLE {role} LOGIN; ALTER SCHEMA t1 OWNER TO postgres")
    try:
        project.add_settings(f"DATABASES['default']['USER'] = '{role}'")
        message = run_on(project, "n0").error()
        assert f"The user '{role}' may not use the schema 't1'" in message
        assert f'GRANT USAGE, CREATE ON SCHEMA "t1" TO "{role}".' in message
    finally:
        project.sql(f"DROP ROLE {role}")


def test_who_sets_search_path_when_a_connection_is_made_is_found_out(project: Project) -> None:
    make_fleet(project, "t1")
    project.table(1)
    build(project)
    (project.folder / "blog/__init__.py").write_text(
        "from django.db.backends.signals import connection_created\n"
        "def receive(connection, **kwargs):\n"
        "    connection.connection.cursor().execute('SET search_path = public')\n"
        "connection_created.connect(receive)\n"
    )
    message = run_on(project, "n0").error()
    assert "The session for the target 'n0' (schema 't1') is in the schema 'public'" in message
    assert tables(project, "public") == tables(project, "t1") == set()


def test_reset_all_returns_to_the_schema_and_other_options_stay(project: Project) -> None:
    make_fleet(project, "t1")
    project.add_settings("DATABASES['default']['OPTIONS'] = {'options': '-c work_mem=7MB'}")
    project.write("blog.20240101000001_a", "SET search_path = public; RESET ALL; CREATE TABLE a AS SELECT 1;")
    project.write("blog.20240101000002_b", "CREATE TABLE b AS SELECT current_setting('work_mem') AS m;")
    build(project)
    run_on(project, "n0", env={"PGOPTIONS": "-c work_mem=9MB"}).ok()
    assert project.sql("SELECT m FROM t1.b") == [("7MB",)]
    assert {"a", "b"} < tables(project, "t1")


def test_pgoptions_of_the_environment_stay(project: Project) -> None:
    make_fleet(project, "t1")
    project.write("blog.20240101000001_b", "CREATE TABLE b AS SELECT current_setting('work_mem') AS m;")
    build(project)
    run_on(project, "n0", env={"PGOPTIONS": "-c work_mem=9MB"}).ok()
    assert project.sql("SELECT m FROM t1.b") == [("9MB",)]


def test_what_search_path_does_not_have_is_not_reached(project: Project) -> None:
    make_fleet(project, "t1")
    project.sql("CREATE TABLE x ()")
    project.write("blog.20240101000001_drop", "DROP TABLE IF EXISTS x;")
    build(project)
    run_on(project, "n0").ok()
    assert tables(project, "public") == {"x"}


def test_names_with_a_quote_are_named_as_they_are(project: Project) -> None:
    make_fleet(project, 'quo"te')
    project.sql(f"DROP SCHEMA {identifier('quo' + chr(34) + 'te')}")
    assert 'Make it: CREATE SCHEMA "quo""te"' in run_on(project, "n0").error()


def test_histories_of_schemas_are_no_lost_history_of_their_database(project: Project) -> None:
    make_fleet(project, "t1")
    id_ = project.table(1)
    build(project)
    run_on(project, "n0").ok()
    project.sql("DROP TABLE t1.medusa_migrations")
    assert "[ ]" in project.manage("migrations_show").ok().stdout
    project.run().ok()
    assert project.applied() == [id_]


def test_an_older_history_of_a_schema_is_brought_up_to_date_and_stays_that_of_a_schema(project: Project) -> None:
    make_fleet(project, "t1")
    project.table(1)
    build(project)
    run_on(project, "n0").ok()
    comment = "SELECT obj_description('t1.medusa_migrations'::regclass)"
    ((text,),) = project.sql(comment)
    assert text == "History of a schema by medusa_migrations, format 2"
    project.sql("COMMENT ON TABLE t1.medusa_migrations IS 'History of a schema by medusa_migrations, format 1'")
    project.table(2)
    build(project)
    run_on(project, "n0").ok()
    assert project.sql(comment) == [(text,)]
    project.sql("COMMENT ON TABLE t1.medusa_migrations IS 'History of a schema by medusa_migrations, format 99'")
    project.table(3)
    build(project)
    assert "was made by a newer version" in run_on(project, "n0").error()


def test_a_name_beyond_ascii_is_refused_where_the_database_is_not_in_utf8(project: Project) -> None:
    name = f"{project.database}_l"
    project.server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        targets = [{"name": "n0", "schema": "tür", "settings": {"NAME": name}}]
        project.configure(FLEETS={"tenants": {"TARGETS": targets, "SEARCH_PATH": ["{schema}", "public"]}})
        project.server.execute('CREATE SCHEMA "tür"', name)
        project.table(1)
        build(project)
        assert "Or the name is beyond ASCII, and the database not in UTF8" in run_on(project, "n0").error()
        assert project.server.execute("SELECT count(*) FROM pg_class WHERE relname = 'medusa_migrations'", name) == [
            (0,)
        ]
    finally:
        project.server.execute(f"DROP DATABASE {name} WITH (FORCE)")
