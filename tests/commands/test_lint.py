"""migrations_lint, and the same findings in migrations_verify: where, what, what is let pass, for whom."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.projects import Project
from tests.support.scratches import scratches

BASE = "blog.20240101000001_base"
NEW = "blog.20240101000002_new"
CREATE = "CREATE TABLE post (id bigint PRIMARY KEY, slug text, views int); CREATE TABLE tag (name text);"


@pytest.fixture
def post(project: Project) -> Project:
    project.write(BASE, CREATE, "DROP TABLE post, tag;")
    return project


def lint(project: Project, *options: str, code: int | None = None) -> list[dict[str, Any]]:
    outcome = project.manage("migrations_lint", "--format", "json", *options)
    if code is not None:
        assert outcome.code == code, outcome.stdout + outcome.stderr
    found: list[dict[str, Any]] = outcome.json["findings"]
    return found


def places(found: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(one["code"], one["line"], one["severity"]) for one in found]


@pytest.mark.smoke
def test_the_statement_is_named_with_what_waits_and_the_safe_way(post: Project) -> None:
    post.write(
        NEW, "SELECT 1;\n  ALTER TABLE post ALTER slug SET NOT NULL;", "ALTER TABLE post ALTER slug DROP NOT NULL;"
    )
    outcome = post.manage("migrations_lint")
    assert "1 finding." in outcome.error()
    assert outcome.stdout.startswith(
        "blog/sql_migrations/20240101000002_new.sql:3:3: scan: SET NOT NULL reads all of post while its reads and "
        "writes wait\n"
    )
    assert "Instead:\n" in outcome.stdout
    assert "VALIDATE CONSTRAINT" in outcome.stdout
    (found,) = lint(post, code=1)
    assert (found["id"], found["part"], found["lock"], found["tables"]) == (NEW, "up", "ACCESS EXCLUSIVE", ["post"])


def test_what_is_proven_is_left_out_and_verify_says_the_same(post: Project) -> None:
    post.write(NEW, "CREATE INDEX views_ix ON post (views);", "DROP INDEX views_ix;")
    error = post.manage("migrations_verify").error()
    assert "1 unsafe statement" in error
    again = post.manage("migrations_verify")
    assert "1 unsafe statement" in again.error(), "what is known is unsafe again"
    assert "20240101000002_new.sql:2:1: index-build:" in again.stdout
    assert places(lint(post, code=1)) == [("index-build", 2, "error")], "as it is known"
    assert places(lint(post, "--all", code=1)) == [("index-build", 2, "error")]
    post.write(
        NEW, "-- migrate:allow index-build: it is small\nCREATE INDEX views_ix ON post (views);", "DROP INDEX views_ix;"
    )
    post.manage("migrations_verify").ok()
    assert lint(post, code=0) == []
    post.write(NEW, "CREATE INDEX views_ix ON post (views);", "DROP INDEX views_ix;")
    assert post.manage("migrations_verify", "--no-lint").ok().stdout.endswith("0 unsafe statements.\n")


@pytest.mark.parametrize(
    ("up", "found"),
    [
        ("DO $$ BEGIN EXECUTE 'ALTER TABLE post ALTER views TYPE bigint'; END $$;", [("rewrite", 2, "error")]),
        ("DROP TABLE tag;", [("drop-table", 2, "warning")]),
        ("CREATE TABLE more (id int);\nCREATE INDEX more_ix ON more (id);", []),
        ("-- migrate:allow scan: it is small\nALTER TABLE post ALTER slug SET NOT NULL;", []),
        ("-- migrate:allow scan post: it is small\nALTER TABLE post ALTER slug SET NOT NULL;", []),
        (
            "-- migrate:allow scan tag: it is small\nALTER TABLE post ALTER slug SET NOT NULL;",
            [("unused-allow", 2, "error"), ("scan", 3, "error")],
        ),
        ("-- migrate:allow rewrite: why\nSELECT 1;", [("unused-allow", 2, "error")]),
    ],
)
def test_what_is_found_and_what_is_let_pass(post: Project, up: str, found: list[tuple[str, int, str]]) -> None:
    post.write(NEW, up)
    assert places(lint(post)) == found


def test_what_is_dropped_when_the_new_code_is_live_is_a_note_and_what_is_renamed_is_not(post: Project) -> None:
    up = "DROP TABLE tag;\nALTER TABLE post DROP slug;\nALTER TABLE post RENAME views TO seen;"
    post.write(NEW, up)
    now = lint(post)
    assert [severity for _, _, severity in places(now)] == ["warning"] * 3
    assert all("\n-- migrate:phase after\n-- migrate:up\nDROP" in one["instead"] for one in now[:1])
    post.write(NEW, up, header="-- migrate:phase after\n")
    assert places(lint(post)) == [
        ("drop-table", 3, "note"),
        ("drop-column", 4, "note"),
        ("rename-column", 5, "warning"),
    ]


def test_a_baseline_runs_only_where_no_table_is_in_use(post: Project) -> None:
    key = "CREATE TABLE line (id bigint); ALTER TABLE post ADD FOREIGN KEY (id) REFERENCES post (id);"
    post.write(NEW, key, "DROP TABLE line;", header="-- migrate:baseline\n")
    assert lint(post, code=0) == []
    assert "0 unsafe statements" in post.manage("migrations_verify").stdout


def test_the_header_lets_pass_in_all_of_the_file(post: Project) -> None:
    post.write(NEW, "ALTER TABLE post ALTER slug SET NOT NULL;", header="-- migrate:allow scan: it is small\n")
    assert lint(post, code=0) == []
    post.write(NEW, "SELECT 1;", header="-- migrate:allow scan: it is small\n")
    assert places(lint(post, code=1)) == [("unused-allow", 1, "error")]
    post.write(NEW, "SELECT 1;", header="-- migrate:allow scna: it is small\n")
    assert "Did you mean 'scan'?" in post.manage("migrations_lint").error()


def test_parts_without_a_transaction_and_down_parts_are_looked_at(post: Project) -> None:
    post.write(
        NEW,
        "CREATE INDEX CONCURRENTLY views_ix ON post (views);\nALTER TABLE post ADD size int NOT NULL;",
        "DROP INDEX views_ix;\nALTER TABLE post DROP size;\nALTER TABLE post ALTER slug SET NOT NULL;",
        option=" transaction:false",
    )
    assert places(lint(post)) == [("required-column", 3, "error")]
    down = [one for one in lint(post, "--down") if one["part"] == "down" and one["id"] == NEW]
    assert [(one["code"], one["line"]) for one in down] == [("drop-column", 6), ("scan", 7)]


def test_a_migration_in_Python_is_found_at_the_line_that_calls(post: Project) -> None:
    (post.folder / "blog/sql_migrations/20240101000002_code.py").write_text(
        "from django.db import models\n\n\ndef up(schema):\n    schema.query('SELECT 1')\n"
        "    schema.create_index('post', models.Index(fields=['views'], name='views_ix'))\n"
    )
    assert places(lint(post)) == [("index-build", 6, "error")]


def test_a_small_table_of_the_live_database_makes_a_note(post: Project) -> None:
    post.run().ok()
    post.write(NEW, "ALTER TABLE post ALTER slug SET NOT NULL;\nDROP TABLE tag;")
    post.sql("INSERT INTO post SELECT n, 'x', n FROM generate_series(1, 200) n; ANALYZE post")
    found = lint(post, "--live", code=0)
    assert places(found) == [("scan", 2, "note"), ("drop-table", 3, "warning")]
    assert (found[0]["rows"], found[0]["bytes"] > 8192) == (200, True)
    assert "2:1: scan (note): SET NOT NULL reads" in (out := post.manage("migrations_lint", "--live").stdout)
    assert re.search(r"writes wait \(200 rows, \d+ kB\)\n", out)
    post.manage("migrations_lint", "--live", "--strict").error()
    post.configure(LINT_ROWS=100)
    assert places(lint(post, "--live", code=1))[0] == ("scan", 2, "error")


def test_a_part_that_does_not_run_is_told_and_hides_nothing(post: Project) -> None:
    post.write(NEW, "ALTER TABLE nothing ADD n int;")
    post.write("blog.20240101000003_next", "ALTER TABLE post ALTER slug SET NOT NULL;")
    outcome = post.manage("migrations_lint", "--format", "github")
    assert 'relation "nothing" does not exist' in outcome.error()
    assert outcome.stdout.startswith("::error file=blog/sql_migrations/20240101000003_next.sql,line=2,col=1,title=scan")
    log = json.loads(post.manage("migrations_lint", "--format", "sarif").stdout)
    assert [one["ruleId"] for one in log["runs"][0]["results"]] == ["scan"]


def test_nothing_is_left_of_it(post: Project) -> None:
    process = post.start("migrations_lint")
    assert process.communicate()[0] == "Nothing found.\n"
    assert post.tables() == set()
    assert scratches(post, process.pid) == []


def test_what_is_known_is_shown_where_a_migration_is_about_to_run(post: Project) -> None:
    post.write(NEW, "CREATE INDEX views_ix ON post (views);", "DROP INDEX views_ix;")
    post.manage("migrations_verify").error()
    post.manage("migrations_build").ok()
    assert (
        "    index-build: CREATE INDEX builds an index on post" in post.manage("migrations_run", "--plan").ok().stdout
    )
    assert "index-build" in post.manage("migrations_sql", NEW).ok().stdout
    post.write(NEW, "CREATE INDEX other_ix ON post (views);", "DROP INDEX other_ix;")
    post.manage("migrations_build").ok()
    assert "index-build" not in post.manage("migrations_run", "--plan").ok().stdout, "of another text nothing is known"
    assert "index-build" not in post.manage("migrations_sql", NEW).ok().stdout
