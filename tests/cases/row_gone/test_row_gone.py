"""A part without a transaction that had removed its own history row said OK, and the next run repeated it: found by an
attack. Every change of a history row checks that the row is there."""

from __future__ import annotations

import pytest

from tests.support.projects import Project

ID = "blog.20240101000001_clear"
CLEAR = "TRUNCATE medusa_migrations;"
GONE = "Its row in the history is gone"


@pytest.mark.smoke
def test_a_part_that_empties_the_history_fails(project: Project) -> None:
    project.table(2)
    project.run().ok()
    path = project.write(
        ID, f"CREATE TABLE a (id int);\n{CLEAR}\nCREATE TABLE b (id int);", option=" transaction:false"
    )
    error = project.run().error()
    assert GONE in error
    assert "1 are done and stay" in error
    assert (project.tables(), project.history()[-1]) == ({"a", "t2"}, (ID, "failed"))
    path.write_text(path.read_text().replace(CLEAR, f"BEGIN;\n{CLEAR}\nCOMMIT;"))  # the author's own transaction
    assert GONE in project.run().error()
    path.write_text(path.read_text().replace(f"BEGIN;\n{CLEAR}\nCOMMIT;", ""))
    project.run().ok()
    assert project.tables() == {"a", "b", "t2"}


def test_a_backfill_and_a_revert_without_their_row_fail(project: Project) -> None:
    project.sql("CREATE TABLE posts (id int PRIMARY KEY, n int); INSERT INTO posts VALUES (1, 0)")
    (project.add_app("blog") / "20240101000003_fill.py").write_text(
        "transaction = False\ndef up(schema):\n    schema.query('DELETE FROM medusa_migrations')\n"
        "    schema.backfill('posts', set='n = 1')\ndef down(schema):\n    pass\n"
    )
    assert GONE in project.run().error()
    assert project.sql("SELECT n FROM posts") == [(0,)]
    project.write(ID, "CREATE TABLE a (id int);", "DELETE FROM medusa_migrations;", option=" transaction:false")
    project.sql("DELETE FROM medusa_migrations")
    project.run("--to", ID).ok()
    assert GONE in project.manage("migrations_revert").error()
    assert project.history() == [(ID, "applied")]  # nothing of it is done
