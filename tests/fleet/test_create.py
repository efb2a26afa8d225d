"""A new target: its schema and all migrations, once and whole."""

from __future__ import annotations

import pytest

from tests.fleet.test_run import end
from tests.fleet.test_schemas import BOTH, NAMES
from tests.support.fleets import build, history_of, identifier, on, tables
from tests.support.projects import BLOCKED, QUEUED, SLEEPING, UNTIL_GO, Project
from tests.support.slow import sampled

THERE = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)' ORDER BY 1"
CREATE = ("migrations_fleet", "create")


def listed(project: Project, *schemas: str) -> None:
    """The fleet `tenants`, whose targets n0, n1 … are `schemas` that nobody has made."""
    given = [{"name": f"n{number}", "schema": schema} for number, schema in enumerate(schemas)]
    project.configure(FLEETS={"tenants": {"TARGETS": given}})


def schemas(project: Project) -> list[str]:
    return [name for (name,) in project.sql(THERE)]


def built(project: Project, count: int = 2) -> list[str]:
    ids = [project.table(number + 1) for number in range(count)]
    build(project)
    return ids


def test_a_schema_is_made_and_gets_all_migrations_and_the_next_time_there_is_nothing_to_do(project: Project) -> None:
    listed(project, "t1", "t2")
    ids = built(project)
    plan = project.manage_several((*CREATE, "n0", "--plan"), (*CREATE, "n0", "--sql")).ok().stdout
    assert f"Planned migrations:\n  {ids[0]}\n  {ids[1]}\n" in plan
    assert "CREATE TABLE t2 (id int);" in plan
    assert schemas(project) == []
    outcome = project.manage_several((*CREATE, "n0"), (*CREATE, "n0", "tenants", "--json")).ok()
    assert "Made the schema 't1'." in outcome.stdout + outcome.stderr
    assert f"Applying {ids[1]}... OK" in outcome.stdout
    assert '"target": "n0"' in outcome.stdout
    assert '"migrations": []' in outcome.stdout
    assert schemas(project) == ["t1"]
    assert tables(project, "t1") == {*BOTH, "t1", "t2"}
    assert history_of(project, "t1") == [(id_, "applied") for id_ in ids]
    assert tables(project, "public") == set()
    id_ = project.table(3)
    outcome = project.manage_several(("migrations_build",), (*CREATE, "n0"), (*CREATE, "n0")).ok()
    assert f"Applying {id_}... OK" in outcome.stdout
    assert "Nothing to do: n0 has all migrations." in outcome.stdout


@pytest.mark.parametrize("name", sampled(NAMES, 3))
def test_whatever_the_schema_is_called(project: Project, name: str) -> None:
    listed(project, name)
    built(project, 1)
    project.manage(*CREATE, "n0").ok()
    assert tables(project, name) == {*BOTH, "t1"}


def test_a_name_that_the_server_would_cut_is_refused_and_no_other_schema_is_made(project: Project) -> None:
    listed(project, "x" * 64)
    built(project, 1)
    assert "the server would cut that" in project.manage(*CREATE, "n0").error()
    assert schemas(project) == []


def test_what_is_no_target_or_a_database_is_refused_in_words(project: Project) -> None:
    listed(project, "t1")
    project.settings["FLEETS"]["aliases"] = {"TARGETS": ["default"]}
    project.configure()
    built(project, 1)
    message = project.manage(*CREATE, "n1", "tenants").error()
    assert "The fleet 'tenants' has no target 'n1'. Nothing was done." in message
    assert "Have it listed there first, as by the row of the tenant." in message
    message = project.manage(*CREATE, "default", "aliases").error()
    assert "The target 'default' of the fleet 'aliases' is a database" in message
    assert f'CREATE DATABASE "{project.database}" TEMPLATE' in message
    assert "migrations_run --fleet aliases --target default" in message
    outcome = project.manage(*CREATE, "n1", "tenants", "--json")
    assert (outcome.code, outcome.json["target"]) == (1, "n1")
    assert "has no target 'n1'" in outcome.json["error"]["message"]
    assert schemas(project) == []


def test_what_one_transaction_cannot_hold_is_said_before_anything_is_made(project: Project) -> None:
    listed(project, "t1")
    project.write("blog.20240101000001_a", "CREATE TABLE a (id int);")
    project.write(
        "blog.20240101000002_i", "CREATE INDEX CONCURRENTLY i ON a (id);", "DROP INDEX i;", option=" transaction:false"
    )
    build(project)
    message = project.manage(*CREATE, "n0").error()
    assert "blog.20240101000002_i: marked transaction:false, so one transaction cannot hold all" in message
    assert "Use --transaction each" in message
    assert schemas(project) == []
    project.sql("CREATE SCHEMA t1")
    assert "Use --transaction each" in project.manage(*CREATE, "n0").error()
    assert tables(project, "t1") == set()
    outcome = project.manage_several((*CREATE, "n0", "--transaction", "each"), (*CREATE, "n0")).ok()
    assert "Nothing to do: n0 has all migrations." in outcome.stdout
    assert tables(project, "t1") == {*BOTH, "a"}


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("CREATE TABLE t1.old (id serial); CREATE VIEW t1.seen AS SELECT 1", "it has old, seen, and"),
        ("CREATE FUNCTION t1.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "it has f, and"),
        ("CREATE TYPE t1.mood AS ENUM ('good')", "it has mood, and"),
    ],
)
def test_a_schema_of_others_is_refused(project: Project, sql: str, named: str) -> None:
    listed(project, "t1")
    built(project, 1)
    project.sql(f"CREATE SCHEMA t1; {sql}")
    before = tables(project, "t1")
    message = project.manage(*CREATE, "n0").error()
    assert f"The schema 't1' is half there: {named} no history of migrations" in message
    assert 'DROP SCHEMA "t1" CASCADE' in message
    assert "migrations_run --fleet tenants --target n0" in message
    assert tables(project, "t1") == before


def test_a_history_with_what_is_not_finished_is_refused(project: Project) -> None:
    listed(project, "t1")
    id_ = "blog.20240101000001_a"
    project.write(id_, "CREATE TABLE a (); SELECT 1/0;", option=" transaction:false")
    build(project)
    project.manage(*CREATE, "n0", "--transaction", "each").error()
    message = project.manage(*CREATE, "n0", "--transaction", "each").error()
    assert f"The schema 't1' is half there: {id_} is not finished (failed)" in message
    assert "migrations_repair --fleet tenants --target n0 tells what to do" in message
    assert history_of(project, "t1") == [(id_, "failed")]


def test_one_that_fails_leaves_an_empty_schema_which_is_taken_when_it_is_mended(project: Project) -> None:
    listed(project, "t1")
    built(project, 1)
    project.write("blog.20240101000002_b", "SELECT x;")
    build(project)
    message = project.manage(*CREATE, "n0").error()
    assert "blog/sql_migrations/20240101000002_b.sql:2:8" in message
    assert "migrations_fleet create n0 tenants" in message
    assert tables(project, "t1") == BOTH
    assert history_of(project, "t1") == []
    project.write("blog.20240101000002_b", "SELECT 1;")
    project.manage_several(("migrations_build",), (*CREATE, "n0")).ok()
    assert tables(project, "t1") == {*BOTH, "t1"}


def test_of_two_at_once_one_does_it_and_the_other_finds_nothing_to_do(project: Project) -> None:
    listed(project, "t1", "t2")
    project.sql("CREATE TABLE go ()")
    project.table(1)
    project.write("blog.20240101000002_b", UNTIL_GO.replace("FROM go", "FROM public.go"))
    build(project)
    first = project.start(*CREATE, "n0")
    project.wait_for(SLEEPING)
    second = project.start(*CREATE, "n0")
    project.wait_for(QUEUED)
    project.sql("INSERT INTO go DEFAULT VALUES")
    assert "Applying blog.20240101000002_b... OK" in end(first).ok().stdout
    assert "Nothing to do: n0 has all migrations." in end(second).ok().stdout
    assert len(history_of(project, "t1")) == 2
    both = [end(one).ok().stdout for one in [project.start(*CREATE, "n1") for _ in range(2)]]
    assert sum("Nothing to do" in one for one in both) == 1


def test_one_whose_schema_another_makes_meanwhile_waits_and_takes_it(project: Project) -> None:
    listed(project, "t1")
    built(project, 1)
    connection = project.server.connect(project.database)
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; CREATE SCHEMA t1")
        process = project.start(*CREATE, "n0")
        project.wait_for(BLOCKED)
        cursor.execute("COMMIT")
    connection.close()
    assert "Made the schema" not in end(process).ok().stderr
    assert tables(project, "t1") == {*BOTH, "t1"}


def test_one_that_was_killed_leaves_an_empty_schema_and_the_next_does_all(project: Project) -> None:
    listed(project, "t1")
    project.sql("CREATE TABLE go ()")
    project.table(1)
    project.write("blog.20240101000002_b", UNTIL_GO.replace("FROM go", "FROM public.go"))
    build(project)
    process = project.start(*CREATE, "n0")
    project.wait_for(SLEEPING)
    process.kill()
    process.communicate()
    project.wait_for(f"NOT {SLEEPING}")
    assert tables(project, "t1") == BOTH
    assert history_of(project, "t1") == []
    project.sql("INSERT INTO go DEFAULT VALUES")
    project.manage(*CREATE, "n0").ok()
    assert tables(project, "t1") == {*BOTH, "t1"}
    assert "1 current" in project.manage("migrations_fleet", "status", "--check").ok().stdout


def test_who_may_not_make_a_schema_is_told_the_sql(project: Project) -> None:
    listed(project, "t 1")
    built(project, 1)
    role = f"role_{project.database}"
    project.sql(f"CREATE ROLE {role} LOGIN")
    try:
        project.add_settings(f"DATABASES['default']['USER'] = '{role}'")
        message = project.manage(*CREATE, "n0").error()
        assert f'GRANT CREATE ON DATABASE "{project.database}" TO "{role}"' in message
        made = f'CREATE SCHEMA "t 1" AUTHORIZATION "{role}"'
        assert made in message
        project.sql(made)
        project.manage(*CREATE, "n0").ok()
        assert tables(project, "t 1") == {*BOTH, "t1"}
        assert "[X]" in project.manage(*on("n0", "migrations_show")).ok().stdout
    finally:
        project.sql(f"DROP SCHEMA IF EXISTS {identifier('t 1')} CASCADE; DROP ROLE {role}")


def test_the_function_of_the_api(project: Project) -> None:
    listed(project, "t1")
    ids = built(project)
    (project.folder / "manage.py").write_text(
        "import os, django\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\ndjango.setup()\n"
        "from medusa_migrations import api\n"
        "print([str(one.id) for one in api.fleet_create('n0', plan=True).migrations])\n"
        "result = api.fleet_create('n0', 'tenants')\n"
        "print(result.target, result.database, len(result.migrations))\n"
        "print(len(api.fleet_create('n0').migrations))\n"
    )
    assert project.manage().ok().stdout.splitlines() == [repr(ids), "n0 default 2", "0"]
