"""A rename of a table whose name a model still has went past the copy to the live table, and locked it; and the file
that was called proven could not run. Found by an attack."""

from __future__ import annotations

from typing import Any

import pytest

from medusa_migrations.generate.confined import confined
from tests.support.model_texts import Drafts, sql_of
from tests.support.projects import Server

P = "class P(models.Model):\n    n = models.IntegerField()\n"
Q = "class Q(models.Model):\n    n = models.IntegerField()\n"
TAGGED = P + "    tags = models.ManyToManyField('self')\n"


@pytest.fixture
def reader(server: Server, drafts_database: str) -> Any:
    """Somebody who reads, and so holds ACCESS SHARE: a draft that waits for it would fail at once."""
    connection = server.connect(drafts_database)
    yield connection.cursor()
    connection.close()


@pytest.mark.smoke
@pytest.mark.parametrize("text", [P, TAGGED], ids=["alone", "with a table that refers to it"])
def test_a_table_renamed_whose_name_a_model_has(drafts: Drafts, reader: Any, text: str) -> None:
    drafts.become(text)
    drafts.session.execute("INSERT INTO blog_p (n) VALUES (7)")
    reader.execute("BEGIN; SELECT * FROM blog_p")
    drafts.session.execute("SET lock_timeout = 1")
    draft = drafts.draft(text + Q, renames=["blog_p=blog_q"])
    reader.execute("ROLLBACK")
    assert [str(rename) for rename in draft.renames] == ["blog_p=blog_q"]
    drafts.session.execute("SET lock_timeout = 0")
    drafts.both_ways(text + Q, lambda: rows_are(drafts, blog_p=[], blog_q=[(1, 7)]), renames=["blog_p=blog_q"])
    rows_are(drafts, blog_p=[(1, 7)])


def rows_are(drafts: Drafts, **tables: list[tuple[int, int]]) -> None:
    assert {name: drafts.sql(f"SELECT id, n FROM {name}") for name in tables} == tables


def test_what_is_renamed_or_changed_is_named_in_pg_temp(drafts: Drafts) -> None:
    """Every statement of a draft, as it runs on the copy; a form that is not known is refused."""
    drafts.become(TAGGED)
    other = TAGGED.replace("IntegerField()", "TextField(db_index=True, unique=True, db_comment='x')")
    draft = drafts.draft(other + Q + "    p = models.ForeignKey(P, models.CASCADE)\n")
    for statement in (*draft.up, *draft.down):
        assert "pg_temp." in confined(statement.sql), statement.sql
    key = next(one.sql for one in draft.up if "REFERENCES" in one.sql)
    assert "REFERENCES pg_temp.blog_p(id)" in confined(key)
    assert confined("SET CONSTRAINTS ALL IMMEDIATE") == "SET CONSTRAINTS ALL IMMEDIATE"
    for sql in ("TRUNCATE blog_p", "ALTER TABLE blog_p ADD x int", 'DELETE FROM "blog_p"'):
        with pytest.raises(ValueError, match="no statement of a draft"):
            confined(sql)
    assert sql_of(draft.up)
