"""Files as dbmate takes them work unchanged: several up and down parts in one (dbmate's pull requests 589 and 620).

What pg_dump writes for psql alone, `\\restrict`, is passed over; dbmate, Rails and users of Flyway all had to.
"""

from __future__ import annotations

import pytest

from tests.support.projects import Project

TWO = """\
-- migrate:up
CREATE TABLE a (id int);
-- migrate:down
DROP TABLE a;
\\restrict Zk3
-- migrate:up
CREATE TABLE b (LIKE a)
-- migrate:down
DROP TABLE b
"""

WITHOUT = """\
-- migrate:up transaction:false
CREATE TABLE c (id int);
-- migrate:down transaction:false
DROP TABLE c;
-- migrate:up transaction:false
COPY c FROM stdin;
1
x
\\.
-- migrate:down transaction:false
DELETE FROM c;
"""

SOURCE = "blog/sql_migrations/20240101000001_one.sql"


def build(project: Project, text: str) -> None:
    (project.folder / SOURCE).write_text(text)
    project.manage("migrations_build").ok()


@pytest.mark.smoke
def test_two_pairs_are_one_migration(project: Project) -> None:
    build(project, TWO.replace("LIKE a", "LIKE x"))
    error = project.manage("migrations_run").error()
    assert f"{SOURCE}:7:22\n     7 | CREATE TABLE b (LIKE x)\n" in error
    assert project.tables() == set()

    build(project, TWO)
    project.manage("migrations_run").ok()
    assert project.tables() == {"a", "b"}
    assert project.applied() == ["blog.20240101000001_one"]

    build(project, TWO.replace("DROP TABLE a", "DROP TABLES a"))
    error = project.manage("migrations_revert").error()
    assert f"{SOURCE}:4:6\n     4 | DROP TABLES a;\n" in error
    assert project.tables() == {"a", "b"}

    (project.folder / SOURCE).unlink()
    project.manage("migrations_build").ok()
    planned = project.manage("migrations_revert", "--sql").ok().stdout
    assert "DROP TABLE b\n;\nDROP TABLE a;" in planned
    project.manage("migrations_revert").ok()
    assert project.tables() == set()
    assert project.applied() == []


def test_two_pairs_without_a_transaction_go_on_where_they_stopped(project: Project) -> None:
    build(project, WITHOUT)
    error = project.manage("migrations_run").error()
    assert f"{SOURCE}:8\n     8 | x\n" in error
    assert "of its 2 statements, 1 are done and stay" in error
    build(project, WITHOUT.replace("\nx", "\n2"))
    project.manage("migrations_run").ok()
    assert project.sql("SELECT count(*) FROM c") == [(2,)]
    project.manage("migrations_revert").ok()
    assert project.tables() == set()
