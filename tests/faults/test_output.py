"""What a run says to whom: notices, places, and readers that have gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.processes import ended
from tests.support.projects import SLEEPING, UNTIL_GO, Project


@pytest.mark.parametrize("mode", ["each", "all", "none"])
def test_a_database_that_counts_bytes_tells_the_place_too(project: Project, mode: str) -> None:
    project.server.execute(f"DROP DATABASE {project.database}")
    project.server.execute(f"CREATE DATABASE {project.database} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    project.write(
        "blog.20240101000001_umlauts",
        "SELECT '\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc';\nSELECT '\u00e4', nothing;\nSELECT 2;",
    )
    error = project.run("--transaction", mode, "--json").json["error"]
    assert (error["line"], error["column"]) == (3, 13)


def test_notices_are_shown_under_their_migration_at_verbosity_2(project: Project) -> None:
    project.write(
        "blog.20240101000001_notice", "DO $$ BEGIN RAISE NOTICE 'hello %', 1; RAISE WARNING 'careful'; END $$;"
    )
    project.table(2)
    out = project.run("--verbosity", "2").ok().stdout
    assert re.search(r"_notice\.\.\. OK \(\d+ ms\)\n    NOTICE:  hello 1\n    WARNING:  careful\n  Applying", out)
    project.manage("migrations_revert", "--all").ok()
    assert "hello" not in project.run().ok().stdout


def test_show_marks_what_is_running_now(project: Project) -> None:
    project.sql("CREATE TABLE go (); SELECT 1")
    for option in ("", " transaction:false"):
        id_ = "blog.20240101000001_slow"
        project.write(id_, UNTIL_GO, "", option=option)
        project.manage("migrations_build").ok()
        project.sql("TRUNCATE go; SELECT 1")
        run = project.start("migrations_run")
        project.wait_for(SLEEPING)
        assert f"[>] {id_}" in project.manage("migrations_show").ok().stdout
        project.sql("INSERT INTO go DEFAULT VALUES; SELECT 1")
        assert ended(run)[0] == 0
        project.manage("migrations_revert").ok()


def test_a_reader_that_has_gone_does_not_stop_a_run(project: Project) -> None:
    for number in (1, 2, 3):
        project.table(number)
    project.manage("migrations_build").ok()
    run = project.start("migrations_run")
    assert run.stdout
    run.stdout.close()
    run.stdout = None
    _, stderr = run.communicate(timeout=30)
    assert (run.returncode, stderr) == (0, "")
    assert len(project.applied()) == 3


FULL = Path("/dev/full")

# What a command is for is on its stdout.
DOCUMENTS = [
    ("migrations_verify", "--json"),
    ("migrations_lint",),
    ("migrations_lint", "--json"),
    ("migrations_sql",),
    ("migrations_sql", "--format", "json"),
    ("migrations_show",),
    ("migrations_show", "--json"),
    ("migrations_revert", "--sql"),
    ("migrations_run", "--build", "--json"),
    ("makemigration", "blog", "--generate", "--dry-run"),
    ("migrations_revert", "--json"),
]


def with_stdout(project: Project, stdout: object, *arguments: str) -> tuple[int, str]:
    done = project.manage(*arguments, stdout=stdout)
    return done.code, done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="Linux alone has a device that is always full")
def test_a_document_that_cannot_be_written_is_an_error(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.add_models("blog", "class More(models.Model): pass")
    for command in DOCUMENTS:
        with FULL.open("w") as full:
            code, stderr = with_stdout(project, full, *command)
        assert code == 1, command
        assert "Traceback" not in stderr, stderr
        assert "Exception ignored" not in stderr, stderr
        assert "CommandError: The output is not whole: it cannot be written (No space left on device)." in stderr
    with FULL.open("w") as full:
        code, stderr = with_stdout(project, full, "migrations_show", "--database", "other", "--json")
    assert (code, stderr.count("CommandError: There is no database 'other'")) == (1, 1), stderr


@pytest.mark.skipif(not FULL.exists(), reason="Linux alone has a device that is always full")
def test_lines_that_cannot_be_written_are_told_of_and_stop_nothing(project: Project) -> None:
    project.table(1)
    project.manage("migrations_build").ok()
    for command in ("migrations_run", "migrations_verify"):
        with FULL.open("w") as full:
            code, stderr = with_stdout(project, full, command)
        word = "The output cannot be written (No space left on device). What is under way goes on.\n"
        assert (code, stderr) == (0, word)
    assert len(project.applied()) == 1


@pytest.mark.parametrize("command", [("migrations_show", "--json"), ("migrations_sql",), ("migrations_lint",)])
def test_a_reader_of_a_document_may_go(project: Project, command: tuple[str, ...]) -> None:
    project.table(1)
    project.run().ok()
    process = project.start(*command)
    assert process.stdout
    process.stdout.close()
    process.stdout = None
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, "")


def test_a_terminal_without_unicode_does_not_stop_a_run(project: Project) -> None:
    project.write("blog.20240101000001_é".replace("é", "e"), "DO $$ BEGIN RAISE NOTICE 'é€'; END $$;")
    project.table(2)
    project.run("--verbosity", "2", env={"PYTHONIOENCODING": "ascii"}).ok()
    assert len(project.applied()) == 2


def test_verbosity_0_leaves_notes_out(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.table(2)
    outcome = project.manage("migrations_run", "--verbosity", "0").ok()
    assert (outcome.stdout, outcome.stderr) == ("", "")
