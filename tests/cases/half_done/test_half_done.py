"""What a statement CONCURRENTLY leaves half done when it is cut off or fails, and that no run noticed or got past.

Found by attacks: a partition that is pending detach, `…_ccnew` of REINDEX, an invalid index that IF NOT EXISTS takes
for one, and indexes whose names are written in a way that to_regclass() does not read.
"""

from __future__ import annotations

import pytest

from tests.support.processes import ended, transaction
from tests.support.projects import UNLOCKED, Project

ID = "blog.20240101000001_step"
SLOW = {"option": " transaction:false"}
PARTITIONS = (
    "CREATE TABLE log (day int) PARTITION BY RANGE (day);"
    " CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (1) TO (2);"
    " CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (2) TO (3)"
)
PENDING = "SELECT inhrelid::regclass::text, inhdetachpending FROM pg_inherits ORDER BY 1"


def cut_off(project: Project, holds: str, when: str) -> None:
    """A run that is killed when `when` holds, while somebody's transaction that did `holds` keeps it waiting."""
    with transaction(project, f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; {holds}"):
        run = project.start("migrations_run")
        project.wait_for(when)
        run.kill()
        ended(run)
        project.wait_for(UNLOCKED)


@pytest.mark.smoke
def test_a_partition_that_is_pending_detach_is_finalized(project: Project) -> None:
    project.sql(PARTITIONS)
    up = 'ALTER TABLE IF EXISTS ONLY "log" DETACH PARTITION public.log_1 CONCURRENTLY;'
    project.write(ID, f"{up}\nSELECT 2;", **SLOW)
    project.manage("migrations_build").ok()
    cut_off(project, "SELECT * FROM log", "EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)")
    assert project.sql(PENDING) == [("log_1", True), ("log_2", False)]
    assert "is pending detach: finalizing that" in project.manage("migrations_run").ok().stderr
    assert project.sql(PENDING) == [("log_2", False)]
    assert project.applied() == [ID]


def test_a_partition_that_somebody_has_finalized_is_done(project: Project) -> None:
    project.sql(PARTITIONS)
    project.write(ID, "ALTER TABLE log DETACH PARTITION log_1 CONCURRENTLY;", **SLOW)
    project.manage("migrations_build").ok()
    cut_off(project, "SELECT * FROM log", "EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)")
    project.sql("ALTER TABLE log DETACH PARTITION log_1 FINALIZE")
    assert "log_1 is no partition of log any more: taken as done" in project.manage("migrations_run").ok().stderr
    second = "blog.20240101000002_typo"
    project.write(second, "ALTER TABLE log DETACH PARTITION log_9 CONCURRENTLY;", **SLOW)
    for _ in range(2):
        assert 'relation "log_9" does not exist' in project.run().error()


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("what", "indexes"),
    [
        ("REINDEX TABLE CONCURRENTLY t", ["t_v", "t_w"]),
        ("REINDEX (VERBOSE, CONCURRENTLY) INDEX public.t_v", ["t_v", "t_w"]),
        ("REINDEX SCHEMA CONCURRENTLY public", ["t_v", "t_w"]),
    ],
)
def test_what_reindex_leaves_is_dropped(project: Project, what: str, indexes: list[str]) -> None:
    project.sql("CREATE TABLE t AS SELECT 1 AS v, 'x' AS w; CREATE INDEX t_v ON t (v); CREATE INDEX t_w ON t (w)")
    project.write(ID, f"{what};", **SLOW)
    project.manage("migrations_build").ok()
    cut_off(project, "SELECT * FROM t", "EXISTS (SELECT FROM pg_class WHERE relname = 't_v_ccnew')"
            " AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted)")  # fmt: skip
    project.sql("CREATE TABLE other (v int)")
    project.sql("CREATE INDEX other_v_ccnew ON other (v)")
    left = (
        "SELECT relname::text FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid::regclass::text IN"
        " ('t', 'other') OR NOT indisvalid ORDER BY 1"
    )
    assert ("t_v_ccnew",) in project.sql(left)
    assert "Dropping the index public.t_v_ccnew, which was left" in project.manage("migrations_run").ok().stderr
    assert project.sql(left) == [("other_v_ccnew",), *((name,) for name in indexes)]
    assert project.applied() == [ID]


def test_an_invalid_index_is_not_taken_for_one_that_exists(project: Project) -> None:
    project.sql("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    up = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON t (a);"
    project.write(ID, up, **SLOW)
    project.run().error()
    project.manage("migrations_repair", "--mark-reverted", ID).ok()
    assert "is duplicated" in project.run().error()
    project.sql("DELETE FROM t WHERE ctid = '(0,1)'")
    project.manage("migrations_repair", "--mark-reverted", ID).ok()
    assert "Dropping the index public.ix" in project.run().ok().stderr
    assert project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix'::regclass") == [(True,)]


@pytest.mark.parametrize(
    ("up", "name"),
    [
        ('CREATE UNIQUE INDEX CONCURRENTLY U&"ix_\\00e9" ON t (a);', "ix_\u00e9"),
        ('CREATE UNIQUE INDEX CONCURRENTLY u&"ix_!0041!!" UESCAPE \'!\' ON U&"\\0074" (a);', "ix_A!"),
        ("CREATE UNIQUE INDEX CONCURRENTLY ix ON ONLY (t) (a);", "ix"),
        ("CREATE UNIQUE INDEX CONCURRENTLY ix ON public.t * (a);", "ix"),
    ],
)
def test_an_index_is_found_again_however_its_name_is_written(project: Project, up: str, name: str) -> None:
    project.sql("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    project.write(ID, up, **SLOW)
    project.run().error()
    project.sql("DELETE FROM t WHERE ctid = '(0,1)'")
    assert "which was left invalid, to build it again" in project.manage("migrations_run").ok().stderr
    assert project.sql("SELECT c.relname::text, indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
                       " WHERE indrelid = 't'::regclass") == [(name, True)]  # fmt: skip
