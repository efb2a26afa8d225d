"""Models against tables with rows: generate, run, verify, revert. A folder a case, each on a real project.

A case has `before.py` and `after.py`, the models; and, where it needs them: `rows.sql`, which goes in before; `options`
of the command, one a line; `up` and `said`, pieces of the second up part and of what is said on stderr; `kept.sql`, a
query that must find the same afterwards, or as `kept_before.sql` before; `before_revert.sql`, for rows that no down
part can bring back; `by_hand.sql` and its `header`, a migration written by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from medusa_migrations.generate.catalog import read_tables
from medusa_migrations.generate.tables import Table
from medusa_migrations.migration import LINT_CODES
from tests.support.kills import give_few_locks
from tests.support.projects import ROOT, Outcome, Project

CASES = sorted((ROOT / "tests/scenarios/generate").iterdir())
# What an older server makes of them is tried with every third: they take long.
PARAMETERS = [
    pytest.param(case, marks=[pytest.mark.server] if number % 3 == 0 else [], id=case.name)
    for number, case in enumerate(CASES)
]
FIRST, SECOND = "20240101000000", "20240102000000"


class _Reader:
    """What `read_tables` needs of a session."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def query(self, sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
        connection = self.project.server.connect(self.project.database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, params)
                return list(cursor.fetchall())
        finally:
            connection.close()


def catalog(project: Project) -> dict[str, Table]:
    reader: Any = _Reader(project)
    names = [name for (name,) in project.sql("SELECT relname::text FROM pg_class WHERE relname ~ '^blog_'")]
    return read_tables(reader, project.sql("SELECT 'public'::regnamespace::oid")[0][0], names)


RUN = ("migrations_run", "--build")


def generating(timestamp: str, *options: str) -> tuple[str, ...]:
    return ("makemigration", "blog", "--generate", "--timestamp", timestamp, *options)


def part(case: Path, name: str) -> str:
    path = case / name
    return path.read_text() if path.exists() else ""


def lines(case: Path, name: str) -> list[str]:
    return part(case, name).splitlines()


def assert_findings_are_said(path: Path, outcome: Outcome) -> None:
    """Each error that lint finds in the file is said above its statement, and nothing else is."""
    found = re.findall(rf"^ *blog/sql_migrations/{path.name}:(\d+):\d+: (\S+): ", outcome.stdout, re.MULTILINE)
    assert said_above(path.read_text()) == {(int(line), code) for line, code in found if LINT_CODES[code] == "error"}


def said_above(text: str) -> set[tuple[int, str]]:
    """The codes that comments of the up part begin with, each with the line of its statement."""
    found, codes = set(), list[str]()
    for number, line in enumerate(text.partition("-- migrate:down")[0].split("\n"), 1):
        if comment := re.match(rf"-- ({'|'.join(LINT_CODES)}): ", line):
            codes.append(comment[1])
        elif not line.startswith("--"):
            found |= {(number, code) for code in codes}
            codes = []
    return found


@pytest.mark.parametrize("case", PARAMETERS)
def test_cases(project: Project, case: Path) -> None:
    if "contrib.postgres" in part(case, "before.py") + part(case, "after.py"):
        project.apps.append("django.contrib.postgres")  # as Django's checks ask for, from 6.0 on
    project.add_models("blog", part(case, "before.py"))
    if part(case, "before.py"):
        project.manage_several(generating(FIRST), RUN).ok()
        if by_hand := part(case, "by_hand.sql"):
            project.write("blog.20240101000001_by_hand", by_hand, None, header=part(case, "header"))
            project.run().ok()
        project.sql(part(case, "rows.sql") + "SELECT 1")
    before = catalog(project)
    kept = project.sql(part(case, "kept_before.sql") or part(case, "kept.sql") or "SELECT 1")
    project.add_models("blog", part(case, "after.py"))
    outcome = project.manage_several(generating(SECOND, *lines(case, "options")), RUN, ("migrations_verify",))
    for text in lines(case, "said"):
        assert text in outcome.stderr
    (path,) = (project.folder / "blog/sql_migrations").glob(f"{SECOND}_*.sql")
    for text in lines(case, "up"):
        assert text in path.read_text().partition("-- migrate:down")[0]
    assert "Models: no difference. 0 faults, " in outcome.stdout, outcome
    assert_findings_are_said(path, outcome)
    assert project.sql(part(case, "kept.sql") or "SELECT 1") == kept
    project.sql(part(case, "before_revert.sql") + "SELECT 1")
    project.manage("migrations_revert").ok()
    assert catalog(project) == before


def test_more_tables_at_once_than_the_server_has_locks_for(lone_project: Project) -> None:
    give_few_locks(lone_project)
    fields = "".join(f"    f{number} = models.IntegerField(db_index=True)\n" for number in range(9))
    lone_project.add_models("blog", "".join(f"class M{number}(models.Model):\n{fields}" for number in range(200)))
    message = lone_project.manage(*generating(FIRST, "--dry-run")).error()
    assert "out of shared memory" in message
    assert "Generate for one app at a time" in message
