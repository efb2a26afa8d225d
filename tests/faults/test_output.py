"""What a run says to whom: notices, places, and readers that have gone."""

from __future__ import annotations

import re

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
