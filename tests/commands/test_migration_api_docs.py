"""docs/migration-api.md is right: what it shows runs, from top to bottom, and it shows every call."""

from __future__ import annotations

import re

import pytest

from medusa_migrations import Schema
from tests.support.projects import ROOT, Project

TEXT = (ROOT / "docs/migration-api.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def files() -> list[str]:
    """The examples as migration files; those that are calls alone are put into an `up`, with the imports shown."""
    found, imports = [], ""
    for block in BLOCKS:
        if "def up" in block:
            found.append(block)
        elif "schema" not in block:
            imports = block
        else:
            body = "".join(f"    {line}\n" if line else "\n" for line in block.splitlines())
            found.append(f"{imports}\n\ndef up(schema):\n{body}")
    return found


@pytest.mark.smoke
@pytest.mark.server
def test_every_example_runs(project: Project) -> None:
    for number, text in enumerate(files()):
        (project.add_app("blog") / f"{20240101000001 + number}_example.py").write_text(text)
    project.run().ok()
    assert len(project.applied()) == len(files()) > 10
    assert project.sql("SELECT count(*) FROM blog_post WHERE slug = '' OR words IS NULL") == [(0,)]


def test_every_call_is_shown() -> None:
    calls = [name for name in vars(Schema) if not name.startswith("_")]
    assert len(calls) > 35
    assert [name for name in calls if f"schema.{name}(" not in "".join(BLOCKS)] == []


def test_what_plan_says_of_the_example(project: Project) -> None:
    number = next(number for number, text in enumerate(files()) if "has_column" in text and "words" in text)
    (project.add_app("blog") / "20230901000000_add_words.py").write_text(files()[number])
    project.manage("migrations_build").ok()
    shown = re.search(r"^\$ python manage.py migrations_run --plan\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert shown
    assert project.manage("migrations_run", "--plan").ok().stdout == shown[1]
