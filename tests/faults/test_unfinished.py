"""Half-done work: what was left in doubt, failed or begun, and how it goes on."""

from __future__ import annotations

import pytest

from tests.support.projects import Project


def left_running(project: Project, statement: str, prepare: str, *, done: int = 1) -> None:
    """A history that a killed client leaves: `done` statements finished, the next one begun."""
    project.sql("CREATE TABLE t (a int, b int)")
    project.write("blog.20240101000001_doubt", f"SELECT 1;\n{statement};\nSELECT 2;", option=" transaction:false")
    project.write("blog.20240101000000_before", "SELECT 1;", option=" transaction:false")
    project.run("--to", "blog.20240101000000_before").ok()
    project.sql(
        "INSERT INTO medusa_migrations"
        " (app, name, checksum, state, applied_at, applied_by, run, statements_done, error)"
        " SELECT app, '20240101000001_doubt', encode(sha256('SELECT 1'), 'hex'), 'running', now(), '', run, 1, ''"
        " FROM medusa_migrations"
    )
    for command in filter(None, prepare.split(";")):
        project.sql(command)


INVALID = "CREATE INDEX ix ON t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix'::regclass"


@pytest.mark.parametrize(
    ("statement", "prepare", "says"),
    [
        ("CREATE INDEX CONCURRENTLY ix ON t (a)", "", ""),
        ("CREATE INDEX CONCURRENTLY ix ON t (a)", "CREATE INDEX ix ON t (a)", "is there and valid: taken as done"),
        ("CREATE INDEX CONCURRENTLY ix ON t (a)", INVALID, "Dropping the index public.ix, which was left invalid"),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS IX on public.t (a)", INVALID, "Dropping the index public.ix"),
        (
            'CREATE INDEX CONCURRENTLY "ix" /* c */ ON ONLY "public" . "t" USING btree (a)',
            "CREATE INDEX ix ON t (a)",
            "is there and valid",
        ),
        ("CREATE INDEX CONCURRENTLY ON t (a)", INVALID, "The invalid index public.ix may be left"),
        ("DROP INDEX CONCURRENTLY ix", "", "The index ix is gone: taken as done"),
        ("DROP INDEX CONCURRENTLY IF EXISTS public.ix", "CREATE INDEX ix ON t (a)", ""),
        ("VACUUM t", "", "running it again"),
    ],
)
def test_a_statement_that_was_cut_off_is_looked_at_before_it_is_run_again(
    project: Project, statement: str, prepare: str, says: str
) -> None:
    left_running(project, statement, prepare)
    assert "[F] blog.20240101000001_doubt" in project.manage("migrations_show").ok().stdout
    outcome = project.run().ok()
    assert says in outcome.stderr
    assert says or not outcome.stderr
    assert len(project.applied()) == 2
    valid = project.sql("SELECT relname::text, indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
                        " WHERE indrelid = 't'::regclass ORDER BY 1")  # fmt: skip
    if "CONCURRENTLY ON" in statement:
        assert valid == [("ix", False), ("t_a_idx", True)]
    else:
        assert valid == ([("ix", True)] if statement.startswith("CREATE") else [])


def test_an_index_that_failed_is_built_again_without_its_invalid_remains(project: Project) -> None:
    project.sql("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    project.write(
        "blog.20240101000001_ix", "CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a);", option=" transaction:false"
    )
    project.run().error()
    project.sql("DELETE FROM t WHERE ctid = '(0,1)'")
    assert "Dropping the index public.ix" in project.run().ok().stderr
    assert project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix'::regclass") == [(True,)]


def test_letters_beyond_ascii_are_found_again_in_the_name_of_an_index(project: Project) -> None:
    project.sql("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    up = "CREATE UNIQUE INDEX CONCURRENTLY ix_\u00dcber ON t (a);"
    project.write("blog.20240101000001_ix", up, option=" transaction:false")
    project.run().error()
    project.sql("DELETE FROM t WHERE ctid = '(0,1)'")
    assert "Dropping the index" in project.run().ok().stderr


def test_an_unfinished_revert_goes_on_before_any_other_begins(project: Project) -> None:
    half = "shop.20240101000001_half"
    up = "CREATE TABLE a ();\nCREATE TABLE b ();"
    project.write(half, up, "DROP TABLE a;\nDROP TABLE {};", option=" transaction:false")
    project.run().ok()
    project.manage("migrations_revert").error()
    assert project.history() == [(half, "revert_failed")]
    other = "blog.20240101000002_other"
    project.write(other, "SELECT 1;", "SELECT 1;")
    assert "migrations_revert shop" in project.run().error()
    project.sql(
        "INSERT INTO medusa_migrations"
        " (app, name, checksum, state, applied_at, applied_by, run, statements_done, error)"
        f" SELECT 'blog', '20240101000002_other', '{'0' * 64}', 'applied', now(), '', run, 0, '' FROM medusa_migrations"
    )
    assert "migrations_revert shop" in project.manage("migrations_revert", "blog").error()
    project.write(half, up, "DROP TABLE a;\nDROP TABLE b;", option=" transaction:false")
    project.manage("migrations_revert", "--build").ok()
    assert [id_ for id_, _ in project.history()] == [other]


def test_last_run_knows_what_it_finished(project: Project) -> None:
    project.table(1)
    id_ = "blog.20240101000002_steps"
    project.write(id_, "SELECT 1;\nSELECT 1/0;", option=" transaction:false")
    project.run().error()
    project.write(id_, "SELECT 1;\nSELECT 1/1;", option=" transaction:false")
    project.run().ok()
    planned = project.manage("migrations_revert", "--last-run", "--plan", "--json").ok().json["migrations"]
    assert [one["id"] for one in planned] == [id_]


def test_what_was_finished_last_is_reverted_first(project: Project) -> None:
    id_ = "blog.20240101000005_steps"
    project.write(id_, "SELECT 1;\nSELECT 1/0;", "SELECT 1;", option=" transaction:false")
    project.run().error()
    late = project.table(2)
    project.run("--to", late).ok()
    project.write(id_, "SELECT 1;\nSELECT 1/1;", "SELECT 1;", option=" transaction:false")
    project.run().ok()
    for options in (["--last-run"], [], ["--to", late]):
        planned = project.manage("migrations_revert", *options, "--plan", "--json").ok().json["migrations"]
        assert [one["id"] for one in planned] == [id_]


def test_a_failure_before_it_goes_on_does_not_undo_what_is_said_to_be_done(project: Project) -> None:
    id_ = "blog.20240101000001_steps"
    role = f"role_{project.database}"
    project.sql(f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}")
    project.write(id_, f"SET ROLE {role};\nCREATE TABLE a ();\nSELECT 1/0;", option=" transaction:false")
    assert "of its 3 statements, 2 are done and stay" in project.run().error()
    project.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    error = project.run().error()
    assert "does not exist" in error
    assert "of its 3 statements, 2 are done and stay" in error
    assert project.sql("SELECT statements_done FROM medusa_migrations") == [(2,)]


def test_a_renamed_file_that_was_begun_is_not_done_from_its_start(project: Project) -> None:
    project.sql("CREATE TABLE log (id int)")
    up = "INSERT INTO log VALUES (1);\nSELECT 1/{};"
    old = project.write("blog.20240101000001_steps", up.format(0), option=" transaction:false")
    project.run().error()
    old.unlink()
    project.write("blog.20240101000009_steps", up.format(1), option=" transaction:false")
    assert "migrations_repair --renamed blog.20240101000001_steps=NEW" in project.run().error()
    renamed = "blog.20240101000001_steps=blog.20240101000009_steps"
    project.manage("migrations_repair", "--renamed", renamed).ok()
    project.run().ok()
    assert project.sql("SELECT count(*) FROM log") == [(1,)]
