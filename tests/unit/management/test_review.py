"""A review with the findings of lint."""

from __future__ import annotations

import json

from medusa_migrations.management.review import review_json, review_markdown, review_text
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import LintFinding, ReviewedMigration, ReviewResult

ID = MigrationId("blog", "20240101000001_t")
FILE = "blog/sql_migrations/20240101000001_t.sql"
SQL = "ALTER TABLE t ALTER a SET NOT NULL;\n"
RESULT = ReviewResult(
    Direction.UP,
    (ReviewedMigration(ID, FILE, SQL),),
    findings=(
        LintFinding(
            ID, Direction.UP, "scan", "error", FILE, 2, 1, SQL.strip(), "reads all of `t` <now>\nwhile others wait"
        ),
    ),
)


def test_findings_stand_above_the_sql() -> None:
    line = "-- line 2: error: scan: reads all of `t` <now> while others wait\n"
    assert line in review_text(RESULT)


def test_findings_stand_in_the_table_and_under_it() -> None:
    said = review_markdown(RESULT)
    assert "| lint: scan |" in said
    assert (
        f"<code>{FILE.replace('_', '&#95;')}&#58;2</code> **error** scan: reads all of &#96;t&#96; &#60;now&#62; while"
        in said
    )


def test_the_phase_is_a_remark_where_it_is_after() -> None:
    after = RESULT._replace(migrations=(RESULT.migrations[0]._replace(phase="after"),))
    assert f"-- {FILE}: phase after\n" in review_text(after)
    assert "| phase after; lint: scan |" in review_markdown(after)
    assert "phase" not in review_text(RESULT)
    assert [json.loads(review_json(one))["migrations"][0]["phase"] for one in (RESULT, after)] == ["before", "after"]


def test_findings_are_in_the_document() -> None:
    (found,) = json.loads(review_json(RESULT))["findings"]
    assert (found["id"], found["part"], found["code"], found["line"]) == (str(ID), "up", "scan", 2)
