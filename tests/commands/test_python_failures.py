"""Migrations in Python that fail or are stopped: what is told, and what stays."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medusa_migrations.management.commands import migrations_run
from tests.support.copies import original
from tests.support.here import error_here
from tests.support.projects import Project, Server
from tests.support.python_files import ID, SETUP, write
from tests.support.sessions import session_on


@pytest.fixture(scope="session")
def first_tables(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("tables"), "tables") as project:
        project.sql(f"{SETUP}; ALTER TABLE post ADD place point")
        yield project


@pytest.fixture
def tables(first_tables: Project, tmp_path: Path, django_db_blocker: Any) -> Iterator[Project]:
    """A project with the tables that the migrations are about, for commands in this process."""
    server, name = first_tables.server, f"{first_tables.database}_copy"
    server.create_database(name, first_tables.database)
    with django_db_blocker.unblock(), session_on(server, name):
        yield Project(tmp_path, server, name)
    server.drop_database(name)


@pytest.mark.smoke
def test_what_fails_is_rolled_back_and_told_with_its_line(project: Project) -> None:
    project.sql("CREATE TABLE post (id int, title text)")
    write(
        project, 'schema.create_table("t", {"n": models.IntegerField()})\nschema.query("SELECT titel\\nFROM post")', ""
    )
    outcome = project.run("--json")
    assert outcome.code == 1
    assert outcome.json["error"] == {
        "id": ID,
        "message": 'column "titel" does not exist',
        "file": "blog/sql_migrations/20240101000001_step.py",
        "line": 11,
        "column": None,
        "sqlstate": "42703",
    }
    error = project.run().error()
    assert "blog/sql_migrations/20240101000001_step.py:11\n    11 |     schema.query(" in error
    assert "\nLINE 1: SELECT titel\n               ^\n" in error
    assert 'HINT: Perhaps you meant to reference the column "post.title".' in error
    assert "It was rolled back." in error
    assert project.tables() == {"post"}
    assert project.history() == []


def test_an_exception_of_the_author_s_is_told_with_its_line(project: Project) -> None:
    write(project, 'schema.create_schema("s")\nint("x")', "")
    error = project.run().error()
    assert f"{ID} failed (up): ValueError: invalid literal for int()" in error
    assert '_step.py:11\n    11 |     int("x")' in error
    assert "It was rolled back." in error
    assert "connection" not in error


def test_a_failing_undo_is_told_with_the_line_of_the_call_that_it_undoes(project: Project) -> None:
    write(project, 'schema.create_schema("s")\nschema.create_table("s.t", {"n": models.IntegerField()})')
    project.run().ok()
    project.sql("CREATE VIEW v AS SELECT n FROM s.t")
    error = project.manage("migrations_revert").error()
    assert "cannot drop table s.t because other objects depend on it" in error
    assert "_step.py:11" in error


def test_all_in_one_transaction_and_one_that_fails_rolls_back_all(project: Project) -> None:
    project.table(0)
    write(project, 'schema.create_table("t", {"n": models.IntegerField()})\nraise RuntimeError("no")', "")
    assert "Everything was rolled back" in project.run("--transaction", "all").error()
    assert project.tables() == set()


REFUSED = {
    "COMMIT is not for a migration to send: use transaction()": "COMMIT",
    "BEGIN is not for": "INSERT INTO post VALUES (1); BEGIN",
    "ROLLBACK is not for": "ROLLBACK",
    "VACUUM cannot run inside a transaction: set `transaction = False`": "VACUUM post",
    "CREATE INDEX CONCURRENTLY cannot run inside a transaction": "CREATE INDEX CONCURRENTLY i ON post (id)",
    "Use copy_from.": "COPY post FROM stdin",
    "psql": "\\\\d post",
}


@pytest.mark.parametrize("message", REFUSED)
def test_query_refuses_what_files_in_sql_refuse(tables: Project, message: str) -> None:
    write(tables, f'schema.query("{REFUSED[message]}")', "")
    error = error_here(tables, migrations_run.Command, "--build")
    assert message in error
    assert "ValueError" in error
    assert "_step.py:10" in error


@pytest.mark.smoke
def test_without_a_transaction_what_was_done_stays_and_it_runs_again_from_the_top(project: Project) -> None:
    project.sql("CREATE TABLE post (id int)")
    write(
        project,
        'schema.create_table("t", {"n": models.IntegerField(db_index=True)}, if_not_exists=True)\n'
        'schema.query("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON post (id)")\n'
        'schema.query("VACUUM post")\n'
        "assert schema.has_column('post', 'title')",
        "",
        head="transaction = False",
    )
    error = project.run().error()
    assert "AssertionError" in error
    assert "what it has done stays. migrations_run calls up again from its top." in error
    assert project.history() == [(ID, "failed")]
    assert project.tables() == {"post", "t"}
    assert "[F]" in project.manage("migrations_show").ok().stdout
    project.sql("ALTER TABLE post ADD title text")
    project.run().ok()
    assert project.applied() == [ID]


@pytest.mark.smoke
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_code_that_never_comes_to_the_server(project: Project, name: str) -> None:
    write(
        project,
        """
schema.query("CREATE TABLE t (n int)")
import pathlib, time
while True:
    try:
        pathlib.Path("there").touch()
        time.sleep(60)
    except Exception:
        pass
""",
        "",
    )
    process = project.start("migrations_run", "--build")
    try:
        while not (project.folder / "there").exists():
            time.sleep(0.02)
        process.send_signal(getattr(signal, name))
        _, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == (130 if name == "SIGINT" else 1), stderr
    assert f"Stopped by {name}. {ID} was stopped. It was rolled back." in stderr
    assert project.tables() == set()


# What an `up` does, and what is said of it.
TOLD = {
    "an error that a transaction has caught": (
        'with schema.transaction():\n    try: schema.query("SELEC 1")\n    except Exception: pass',
        r"_step.py:11\n.*LINE 1: SELEC 1",
    ),
    "a connection of Django's": (
        "from django.db import connection\nschema.query('LOCK TABLE post')\n"
        "connection.cursor().execute('UPDATE post SET price = 1')",
        r"DatabaseUsedError: it uses a connection of Django's.*_step.py:12",
    ),
    "a view of two statements": (
        'schema.create_view("v", "SELECT 1; COMMIT")',
        r"create_view takes one piece of SQL; this is 2 statements",
    ),
    "a check that ends itself": (
        'schema.create_check_constraint("post", "id > 0)); COMMIT; SELECT ((1", name="c")',
        r"create_check_constraint takes one piece of SQL; this is 3 statements",
    ),
    "one name in place of columns": (
        'schema.create_primary_key("post", "id")',
        r"columns is 'id': it is a list of names",
    ),
    "a name of its own for a column": (
        'schema.add_column("post", "b", models.TextField(db_column="yyy", null=True))',
        r"has db_column='yyy': a column has the name that it is given here",
    ),
    "a key that is no column": (
        'schema.add_column("post", "pk", models.CompositePrimaryKey("id", "price"))',
        r"is no column of post: use create_primary_key",
    ),
    "a column that is not there": (
        'schema.create_index("post", models.Index(fields=["nope"], name="i"))',
        r"The table has no column 'nope'",
    ),
    "a percent sign beside parameters": (
        'schema.query("SELECT \'100%\', %s", ["50%"])',
        r"With params, write %% for %|placeholder",
    ),
    "a row without values": ('schema.copy_from("author", [()], ["name"])', r"a row for COPY has no values"),
    "rows that are to be checked": (
        'schema.create_foreign_key("post", "author_id", "author")\n'
        'schema.query("UPDATE post SET author_id = 2 WHERE id = 1")\nschema.drop_column("post", "price")',
        r"Send SET CONSTRAINTS ALL IMMEDIATE before it",
    ),
    "an error that is caught aborts the transaction": (
        'try: schema.query("SELEC 1")\nexcept Exception: pass\nschema.query("SELECT 1")',
        r"_step.py:10\n.*LINE 1: SELEC 1.*HINT: It was caught, but has aborted the transaction",
    ),
    "an error that is caught last": (
        'try: schema.query("SELEC 1")\nexcept Exception: pass',
        r"_step.py:10\n.*HINT: It was caught",
    ),
    "an error of the author's own that is one of Django's": (
        'from django.db import IntegrityError\nraise IntegrityError("there are orphans")',
        r"failed \(up\): there are orphans\n.*It was rolled back",
    ),
    "a parameter that no driver knows": ('schema.query("SELECT %s", [object()])', r"_step.py:10\n.*It was rolled back"),
    "a commit inside a procedure": (
        'schema.query("CREATE PROCEDURE p() LANGUAGE plpgsql AS $$BEGIN COMMIT; END$$")\nschema.query("CALL p()")',
        r"set `transaction = False` at the top of the file",
    ),
    "a schema of its own": (
        'schema.alter_column("reporting.daily", "hits", models.IntegerField(), models.IntegerField(unique=True))',
        r"reporting.daily is in a schema of its own",
    ),
    "an index of another table": (
        'schema.create_index("post", models.Index(fields=["id"], name="i"))\nschema.drop_index("author", "i")',
        r"i is an index of another table than author",
    ),
    "another kind of constraint": (
        'schema.drop_check_constraint("author", "author_pkey")',
        r"author_pkey of author is another kind of constraint",
    ),
    "a name that Django cannot write": (
        'schema.add_column("post", "50%", models.IntegerField())',
        r"as '50%': use query",
    ),
    "a call that is misspelt": (
        'schema.add_colum("post", "x", models.IntegerField())',
        r"The migration API has no call 'add_colum'. Did you mean 'add_column'\?",
    ),
    "a column that is no field": ('schema.add_column("post", "x", 1)', r"'x' of post is a int: a column is a field"),
    "a row that is none": ('schema.copy_from("author", ["xy"], ["name"])', r"this is a str"),
    "a key that may be null": (
        'schema.create_primary_key("post", ["price"])',
        r"make it NOT NULL with alter_column first",
    ),
    "a table that is a view": (
        'schema.create_view("v", "SELECT 1")\nschema.create_table("v", {"a": models.TextField()}, if_not_exists=True)',
        r'relation "v" already exists',
    ),
    "a lookup that a type has not": (
        'schema.create_check_constraint("post", Q(place__contains="a"), name="c")',
        r"Unsupported lookup 'contains'",
    ),
}


@pytest.mark.parametrize("title", TOLD)
def test_what_goes_wrong_is_told(tables: Project, title: str) -> None:
    up, message = TOLD[title]
    write(tables, up, "")
    error = error_here(tables, migrations_run.Command, "--build")
    assert re.search(message, error, re.DOTALL), error
    assert "The connection was lost" not in error


@pytest.mark.parametrize("transaction", ["", "transaction = False"])
def test_what_a_transaction_has_caught_is_not_taken_for_done(project: Project, transaction: str) -> None:
    """COMMIT of an aborted transaction is a ROLLBACK, and no error."""
    project.sql("CREATE TABLE post (id int)")
    write(
        project,
        """
with schema.transaction():
    schema.query("INSERT INTO post VALUES (1)")
    try: schema.query("SELECT 1/0")
    except Exception: pass
""",
        "",
        head=transaction,
    )
    error = project.run().error()
    assert "division by zero" in error
    assert "_step.py:12" in error or "_step.py:13" in error
