"""Migrations in Python as files: what is built, what is refused, and what becomes of a file that changes or goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medusa_migrations.management.commands import migrations_build
from tests.support.here import error_here
from tests.support.projects import Project, Server
from tests.support.python_files import ID, write


@pytest.fixture
def sources(server: Server, tmp_path: Path, django_db_blocker: Any) -> Iterator[Project]:
    """A project for what needs no database: it is the product that keeps files from using one, and not pytest."""
    with django_db_blocker.unblock():
        yield Project(tmp_path, server, server.maintenance)


# Of the file, what is wrong with it and where.
NOT_BUILT = {
    "a syntax error": ("def up(schema:\n    pass\n", ":1:7: this is no Python: '(' was never closed"),
    "an import that fails": ("import nowhere\ndef up(schema): pass\n", ":1: cannot be imported: ModuleNotFoundError"),
    "an exception": ("x = 1\ny = x / 0\ndef up(schema): pass\n", ":2: cannot be imported: ZeroDivisionError"),
    "an exit": ("import sys\nsys.exit(3)\n", ":2: cannot be imported: SystemExit: 3"),
    "a relative import": ("from . import _help\ndef up(schema): pass\n", ":1: cannot be imported: ImportError"),
    "no up": ("def down(schema): pass\n", "step.py: there is no function up"),
    "an up that is none": ("up = 3\n", ":1: there is no function up"),
    "an up without a parameter": ("def up():\n    pass\n", ":1: up does not take one argument, the schema"),
    "a down with two parameters": (
        "def up(schema): pass\ndef down(schema, apps):\n    pass\n",
        ":2: down does not take one argument",
    ),
    "an async up": ("async def up(schema): pass\n", ":1: up is async"),
    "an up with a yield": ("def up(schema):\n    yield\n", ":1: up has a yield"),
    "depends that is one string": (
        "depends = 'auth'\ndef up(schema): pass\n",
        ":1: depends is 'auth'\n     1 | depends = 'auth'\nIt is a list of ids",
    ),
    "depends on no id": ("depends = ['a-b']\ndef up(schema): pass\n", ":1: depends is ['a-b']"),
    "a feature that is no name": ("feature = 'a b'\ndef up(schema): pass\n", ":1: feature is 'a b'"),
    "a phase that is none": ("phase = 'later'\ndef up(schema): pass\n", ":1: phase is 'later'"),
    "a misspelt phase": ("phases = 'after'\ndef up(schema): pass\n", "Did you mean 'phase'?"),
    "transaction as a string": ("transaction = 'no'\ndef up(schema): pass\n", ":1: transaction is 'no'"),
    "Django's name for depends": (
        "dependencies = []\ndef up(schema): pass\n",
        ":1: dependencies says nothing to a migration\n     1 | dependencies = []\nDid you mean 'depends'?",
    ),
    "drops, which files in SQL have": (
        "drops = ['blog.R__authors']\ndef up(schema): pass\n",
        ":1: drops says nothing to a migration in Python\n     1 | drops = ['blog.R__authors']\nTake it out",
    ),
    "a misspelt transaction": ("transactoin = False\ndef up(schema): pass\n", "Did you mean 'transaction'?"),
    "a query while it is imported": (
        "from django.db import connection\nwith connection.cursor() as c:\n    c.execute('SELECT 1')\n",
        ":3: cannot be imported: DatabaseUsedError: it uses a connection of Django's",
    ),
    "reverse without its up": (
        "from medusa_migrations import reverse\ndef up(schema): pass\ndown = reverse\n",
        ":3: down is reverse itself\n     3 | down = reverse\nWrite `down = reverse(up)`.",
    ),
    "an undo that cannot be sent": (
        "from medusa_migrations import reverse\ndef up(schema):\n"
        "    schema.query('SELECT 1', reverse_sql='SELECT 2; COMMIT')\ndown = reverse(up)\n",
        ":3: reverse_sql: COMMIT is not for a migration to send",
    ),
    "another encoding": (b"# \xe9\ndef up(schema): pass\n", "the file is not UTF-8"),
}


@pytest.mark.parametrize("title", NOT_BUILT)
def test_a_file_that_is_no_migration_is_an_error_at_build(sources: Project, title: str) -> None:
    text, message = NOT_BUILT[title]
    path = sources.add_app("blog") / "20240101000001_step.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    error = error_here(sources, migrations_build.Command)
    assert f"blog/sql_migrations/{path.name}" in error
    assert message in error


# Of `up`, why it cannot be reversed, and in which line.
IRREVERSIBLE = {
    "drop_table": 'schema.drop_table("post")',
    "drop_column": 'schema.drop_column("post", "title")',
    "drop_primary_key": 'schema.drop_primary_key("post")',
    "drop_foreign_key": 'schema.drop_foreign_key("post", "x")',
    "drop_index": 'schema.drop_index("post", "x")',
    "drop_unique_constraint": 'schema.drop_unique_constraint("post", "x")',
    "drop_check_constraint": 'schema.drop_check_constraint("post", "x")',
    "drop_exclusion_constraint": 'schema.drop_exclusion_constraint("post", "x")',
    "drop_view": 'schema.drop_view("v")',
    "drop_schema": 'schema.drop_schema("s")',
    "clear_table": 'schema.clear_table("post")',
    "copy_from": 'schema.copy_from("post", [])',
    "backfill": 'schema.backfill("post", set="a = 1")',
    "query without reverse_sql=": 'schema.query("SELECT 1")',
    "query": 'if schema.query("SELECT 1"): pass',
    "stream": 'list(schema.stream("SELECT 1"))',
    "has_table": 'schema.has_table("post")',
    "has_column": 'schema.has_column("post", "title")',
    "has_view": 'schema.has_view("v")',
    "has_schema": 'schema.has_schema("s")',
    "table": 'schema.table("post")',
    "tables": "schema.tables()",
    "query reads": 'if (1,) in schema.query("SELECT 1", reverse_sql=""): pass',
    "has_table reads": 'try: schema.has_table("post")\nexcept Exception: pass',
    "backfill reads": 'assert schema.backfill("post", set="a = 1") == 3',
    "alter_column takes away a unique constraint": (
        'schema.alter_column("post", "a", models.IntegerField(unique=True), models.IntegerField())'
    ),
    "alter_column takes away an identity": (
        'schema.alter_column("post", "a", models.BigAutoField(primary_key=True), '
        "models.BigIntegerField(primary_key=True))"
    ),
    "up raised SystemExit": "import sys; sys.exit()",
    "up raised DatabaseUsedError": "from django.db import connection; connection.cursor().execute('SELECT 1')",
    "up raised ValueError": 'schema.rename_table("post", "reporting.post")',
    "up raised TypeError": 'schema.add_column("post", "a", models.ForeignKey("auth.User", models.CASCADE))',
    "create_table with if_not_exists": 'schema.create_table("t", {}, if_not_exists=True)',
}


@pytest.mark.parametrize("call", IRREVERSIBLE)
def test_what_reverse_cannot_undo_is_an_error_at_build_by_name(sources: Project, call: str) -> None:
    write(sources, f'schema.create_schema("a")\n{IRREVERSIBLE[call]}')
    error = error_here(sources, migrations_build.Command)
    assert re.search(rf"_step.py:1[12]: reverse\(up\) is not possible: {re.escape(call)}", error.replace(",", "")), (
        error
    )
    assert "Write a down of its own" in error or "It is called when it is built" in error


def test_makemigration_writes_a_file_in_python_that_builds_and_runs(project: Project) -> None:
    out = project.manage("makemigration", "blog", "AddSlug", "--python", "--timestamp", "20240101000001").ok().stdout
    path = project.folder / "blog/sql_migrations/20240101000001_add_slug.py"
    assert out.strip().endswith("blog/sql_migrations/20240101000001_add_slug.py")
    assert path.read_text().startswith('"""Add slug.\n')
    project.run().ok()
    project.manage("migrations_revert").ok()
    assert project.history() == []
    assert "cannot go together" in project.manage("makemigration", "blog", "--python", "--generate").error()


def test_files_in_both_languages_run_in_one_order_with_depends_and_feature(project: Project) -> None:
    project.write("blog.20240101000002_b", "CREATE TABLE b (id int)", "DROP TABLE b")
    write(project, 'schema.query("ALTER TABLE b ADD c int")', "", id_="blog.20240101000003_c")
    write(
        project,
        'schema.create_table("a", {"n": models.IntegerField()})',
        head="depends = ['blog.20240101000003_c']",
        id_="blog.20240101000001_a",
    )
    write(project, "pass", head="feature = 'shop'", id_="blog.20240101000004_d")
    project.run().ok()
    assert [id_[-1] for id_ in project.applied()] == ["b", "c", "a"]
    shown = project.manage("migrations_show").ok().stdout
    assert "[-] blog.20240101000004_d" in shown
    project.manage("migrations_run", "--build", env={"MEDUSA_FEATURE_SHOP": "1"}).ok()
    assert [id_[-1] for id_ in project.applied()] == ["b", "c", "a", "d"]


def test_a_migration_without_down_is_irreversible(project: Project) -> None:
    write(project, "pass", "")
    project.run().ok()
    assert (
        f"{ID} is irreversible: blog/sql_migrations/20240101000001_step.py has no down(schema)"
        in project.manage("migrations_revert").error()
    )


def test_a_changed_file_stops_a_run_and_is_not_used_to_revert(project: Project) -> None:
    write(project, "pass")
    project.run().ok()
    write(project, "pass  # another")
    assert "Changed since it was applied" in project.run().error()
    assert "code is run only as it was applied" in project.manage("migrations_revert", "--build").error()
    project.manage("migrations_repair", "--accept-changes", ID).ok()
    project.manage("migrations_revert").ok()


def test_line_ends_and_a_byte_order_mark_make_no_change(project: Project) -> None:
    write(project, "pass")
    project.run().ok()
    path = project.folder / "blog/sql_migrations/20240101000001_step.py"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert "No migrations to apply" in project.run().ok().stdout


def test_without_its_file_it_cannot_be_reverted_because_code_is_never_stored(project: Project) -> None:
    write(project, "pass")
    project.run().ok()
    assert project.sql("SELECT down FROM medusa_migrations") == [(None,)]
    (project.folder / "blog/sql_migrations/20240101000001_step.py").unlink()
    error = project.manage("migrations_revert", "--build").error()
    assert "whose code is never stored. Bring the file back." in error
    project.manage("migrations_revert", "--fake").ok()


def test_a_file_may_define_classes_of_its_own(project: Project) -> None:
    write(
        project,
        "assert Point(1).x == 1",
        head='from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: "int"',
    )
    project.run().ok()


def test_what_a_migration_prints_does_not_spoil_the_json(project: Project) -> None:
    write(project, 'print("hello")', head='print("imported")')
    outcome = project.run("--json").ok()
    assert outcome.json["migrations"][0]["status"] == "applied"
    assert "hello" in outcome.stderr
    assert "imported" in outcome.stderr
