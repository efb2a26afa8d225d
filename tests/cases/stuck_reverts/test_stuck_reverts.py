"""A revert that had done nothing counted as reverted in part, and every further run was refused.

Found by an attack: a revert stopped while its row was opened, a first statement that fails, a run that reads the
history just before a revert ends.
"""

from __future__ import annotations

import signal

import pytest

from tests.support.processes import ended, transaction
from tests.support.projects import BLOCKED, Project
from tests.support.python_files import write

ID = "blog.20240101000001_step"
PYTHON = "blog.20240101000002_python"

# The revert of another process ends between the look at the history and the look at who has the lock.
RACE = """\
import os, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
django.setup()
from medusa_migrations.database.history import History
rows = History.rows
def rows_before_it_ends(self, **options):
    History.rows = rows
    found = rows(self, **options)
    self.session.query("DELETE FROM medusa_migrations WHERE state <> 'applied' RETURNING 1")
    return found
History.rows = rows_before_it_ends
execute_from_command_line(sys.argv)
"""


def test_one_that_is_stopped_while_its_row_is_opened_has_not_begun(project: Project) -> None:
    project.write(ID, "SELECT 1;\nSELECT 2;", "SELECT 3;\nSELECT 4;", option=" transaction:false")
    write(project, "pass", "def down(schema):\n    pass", head="transaction = False", id_=PYTHON)
    project.run().ok()
    for id_, left in ((PYTHON, [(ID, "applied")]), (ID, [])):
        before = project.sql("SELECT * FROM medusa_migrations")
        with transaction(project, "LOCK TABLE medusa_migrations IN EXCLUSIVE MODE"):
            revert = project.start("migrations_revert")
            project.wait_for(BLOCKED)
            revert.send_signal(signal.SIGINT)
            code, _, stderr = ended(revert)
        assert (code, f"{id_} was stopped" in stderr) == (130, True)
        assert project.sql("SELECT * FROM medusa_migrations") == before
        assert project.manage("migrations_repair").ok().stdout == "Nothing needs repair.\n"
        project.manage("migrations_revert").ok()
        assert project.history() == left


@pytest.mark.smoke
def test_one_whose_first_statement_fails_has_not_begun(project: Project) -> None:
    up = "CREATE TABLE t1 ();\nCREATE TABLE t2 ();"
    project.write(ID, up, "DROP TABLE t2, t3;\nDROP TABLE t1;", option=" transaction:false")
    project.run().ok()
    before = project.sql("SELECT checksum, state, applied_at, duration_ms, run, progress, error FROM medusa_migrations")
    error = project.manage("migrations_revert").error()
    assert "nothing of it is done" in error
    after = project.sql("SELECT checksum, state, applied_at, duration_ms, run, progress, error FROM medusa_migrations")
    assert after == before
    project.manage("migrations_run", "--check").ok()
    project.write(ID, up, "DROP TABLE t2;\nDROP TABLE t3;", option=" transaction:false")
    assert "1 are done and stay" in project.manage("migrations_revert", "--build").error()
    assert project.history() == [(ID, "revert_failed")]


def test_one_whose_first_statement_was_sent_alone_may_have_begun(project: Project) -> None:
    project.write(ID, "SELECT 1;", "DROP INDEX CONCURRENTLY ix;", option=" transaction:false")
    project.run().ok()
    project.manage("migrations_revert").error()
    assert project.history() == [(ID, "revert_failed")]


def test_one_that_ends_between_two_looks_is_no_reason_to_refuse(project: Project) -> None:
    project.write(ID, "SELECT 1;", "SELECT 1;", option=" transaction:false")
    project.run().ok()
    (project.folder / "race.py").write_text(RACE)
    half_done = "UPDATE medusa_migrations SET state = 'reverting'"
    for command, says in (
        (["migrations_run", "--check"], "pending"),
        (["migrations_show"], f"[ ] {ID}\n"),
        (["migrations_repair"], "Nothing needs repair.\n"),
        (["migrations_run"], "OK"),
    ):
        if not project.history():
            project.manage("migrations_run").ok()
        project.sql(half_done)
        outcome = project.manage(*command, script="race.py")
        assert says in outcome.stdout + outcome.stderr
        assert "only in part" not in outcome.stderr
    assert project.applied() == [ID]
