"""What a part without a transaction hid: found by an attack.

Each statement is sent in a transaction of its own with its record, so that LOCK TABLE, SAVEPOINT or SET LOCAL passed
and did nothing, where psql stops or warns. A read-only transaction of the author's held the record, and failed.
"""

from __future__ import annotations

import pytest

from tests.support.projects import Project

READ_ONLY = """\
BEGIN;
SET TRANSACTION READ ONLY;
SELECT 1;
COMMIT;
CREATE TABLE b (id int);"""


@pytest.mark.smoke
def test_without_a_transaction_nothing_that_needs_one_is_run(project: Project) -> None:
    """The build refuses it in a part that is marked, see test_sqlfile_refusals; here the run has the mode."""
    project.sql("CREATE TABLE t (id int)")
    project.write(
        "blog.20240101000001_moved", "CREATE TABLE a (id int);\nSELECT 1; LOCK TABLE t;", "SET LOCAL a.b = 1;"
    )
    error = project.run("--transaction", "none").error()
    assert "20240101000001_moved.sql:3:11: LOCK means nothing where each statement is committed by itself" in error
    assert "     3 | SELECT 1; LOCK TABLE t;\n       |           ^\n" in error
    assert "Nothing was run. Use --transaction each" in error
    assert project.tables() == {"t"}
    project.manage("migrations_run").ok()
    error = project.manage("migrations_revert", "--transaction", "none").error()
    assert "20240101000001_moved.sql:5:1: SET LOCAL means nothing" in error
    project.write("blog.20240101000002_read", READ_ONLY, option=" transaction:false")
    project.run().ok()
    assert project.tables() == {"a", "b", "t"}
    assert len(project.applied()) == 2


def test_a_subscription_without_a_slot_is_made_and_dropped_in_a_transaction(project: Project) -> None:
    """CREATE SUBSCRIPTION was refused in a transaction, though the server refuses only one that makes a slot."""
    project.write(
        "blog.20240101000001_follow",
        f"CREATE SUBSCRIPTION {project.database} CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false);",
        f"ALTER SUBSCRIPTION {project.database} SET (slot_name = NONE);\nDROP SUBSCRIPTION {project.database};",
    )
    project.run().ok()
    assert project.sql(f"SELECT count(*) FROM pg_subscription WHERE subname = '{project.database}'") == [(1,)]
    project.manage("migrations_revert").ok()
    assert project.sql(f"SELECT count(*) FROM pg_subscription WHERE subname = '{project.database}'") == [(0,)]
