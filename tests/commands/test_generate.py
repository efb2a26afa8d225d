"""Models against tables with rows: generate, run, verify, revert. A folder a case, each on a real project.

A case has `before.py` and `after.py`, the models; and, where it needs them: `rows.sql`, which goes in before; `options`
of the command, one a line; `up` and `said`, pieces of the second up part and of what is said on stderr; `kept.sql`, a
query that must find the same afterwards, or as `kept_before.sql` before; `before_revert.sql`, for rows that no down
part can bring back; `by_hand.sql` and its `header`, a migration written by hand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from medusa_migrations.generate.catalog import read_tables
from medusa_migrations.generate.tables import Table
from medusa_migrations.migration import LINT_CODES
from tests.support.copies import copied, original
from tests.support.kills import give_few_locks
from tests.support.projects import ROOT, Outcome, Project, Server

CASES = sorted((ROOT / "tests/scenarios/generate").iterdir())
# What several cases begin with: it is made once, by one worker.
SHARED = [
    text for text, number in Counter((case / "before.py").read_text() for case in CASES).items() if text and number > 1
]


def marks(number: int, case: Path) -> list[Any]:
    """What an older server makes of them is tried with every third: they take long."""
    text = (case / "before.py").read_text()
    group = [pytest.mark.xdist_group(f"generate {SHARED.index(text)}")] if text in SHARED else []
    return [*group, pytest.mark.server] if number % 3 == 0 else group


PARAMETERS = [pytest.param(case, marks=marks(number, case), id=case.name) for number, case in enumerate(CASES)]
FIRST, SECOND = "20240101000000", "20240102000000"


class Look:
    """What a test asks a project's database itself, all over one connection."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def query(self, sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of `sql`, which may be empty and then does nothing."""
        if sql:
            self.cursor.execute(sql, params)
        return list(self.cursor.fetchall()) if sql and self.cursor.description else []

    def catalog(self) -> dict[str, Table]:
        session: Any = self
        names = [name for (name,) in self.query("SELECT relname::text FROM pg_class WHERE relname ~ '^blog_'")]
        return read_tables(session, self.query("SELECT 'public'::regnamespace::oid")[0][0], names)


@contextmanager
def look(project: Project) -> Iterator[Look]:
    with closing(project.server.connect(project.database)) as connection, connection.cursor() as cursor:
        yield Look(cursor)


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


class Starts:
    """Projects as they are with the models that a case begins with, and their tables."""

    def __init__(self, server: Server, folders: pytest.TempPathFactory, stack: ExitStack) -> None:
        self.server, self.folders, self.stack = server, folders, stack
        self.made: dict[str, Project] = {}

    def give(self, project: Project, text: str) -> None:
        if text not in SHARED:
            begin(project, text)
            return
        if text not in self.made:
            folder = self.folders.mktemp("start")
            self.made[text] = self.stack.enter_context(original(self.server, folder, f"start_{len(self.made)}"))
            begin(self.made[text], text)
        copied(self.made[text], project)


def begin(project: Project, text: str) -> None:
    if "contrib.postgres" in text:
        project.apps.append(POSTGRES)
    project.add_models("blog", text)
    if text:
        project.manage_several(generating(FIRST), RUN).ok()


@pytest.fixture(scope="module")
def starts(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    with ExitStack() as stack:
        yield Starts(server, tmp_path_factory, stack)


POSTGRES = "django.contrib.postgres"  # which Django's checks ask for, from 6.0 on


@pytest.mark.parametrize("case", PARAMETERS)
def test_cases(project: Project, case: Path, starts: Starts) -> None:
    starts.give(project, part(case, "before.py"))
    if by_hand := part(case, "by_hand.sql"):
        project.write("blog.20240101000001_by_hand", by_hand, None, header=part(case, "header"))
        project.run().ok()
    if "contrib.postgres" in part(case, "after.py") and POSTGRES not in project.apps:
        project.apps.append(POSTGRES)
    with look(project) as database:
        database.query(part(case, "rows.sql"))
        before = database.catalog()
        kept = database.query(part(case, "kept_before.sql") or part(case, "kept.sql"))
        project.add_models("blog", part(case, "after.py"))
        outcome = project.manage_several(generating(SECOND, *lines(case, "options")), RUN, ("migrations_verify",))
        for text in lines(case, "said"):
            assert text in outcome.stderr
        (path,) = (project.folder / "blog/sql_migrations").glob(f"{SECOND}_*.sql")
        for text in lines(case, "up"):
            assert text in path.read_text().partition("-- migrate:down")[0]
        assert "Models: no difference. 0 faults, " in outcome.stdout, outcome
        assert_findings_are_said(path, outcome)
        assert database.query(part(case, "kept.sql")) == kept
        database.query(part(case, "before_revert.sql"))
        project.manage("migrations_revert").ok()
        assert database.catalog() == before


def test_more_tables_at_once_than_the_server_has_locks_for(lone_project: Project) -> None:
    give_few_locks(lone_project)
    fields = "".join(f"    f{number} = models.IntegerField(db_index=True)\n" for number in range(9))
    lone_project.add_models("blog", "".join(f"class M{number}(models.Model):\n{fields}" for number in range(200)))
    message = lone_project.manage(*generating(FIRST, "--dry-run")).error()
    assert "out of shared memory" in message
    assert "Generate for one app at a time" in message
