"""The pages of the documentation name commands and options that there are, and link to what there is."""

from __future__ import annotations

import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import find_commands, get_commands, load_command_class

from medusa_migrations.conf import Fleet, Settings
from tests.support.projects import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
OURS = find_commands(str(ROOT / "medusa_migrations/management"))

# A command as one types it, up to what ends it there: the line, a bracket, or another command.
CALL = re.compile(rf"(?:manage\.py |`)({'|'.join([*OURS, 'test', 'check'])})\b([^`\n|;&#]*)")


def options(parser: ArgumentParser) -> Iterator[str]:
    """The options of a parser, and of those below it."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, _SubParsersAction):
            for below in action.choices.values():
                yield from options(below)


@cache
def known(command: str) -> set[str]:
    app = get_commands()[command]
    assert isinstance(app, str)
    return set(options(load_command_class(app, command).create_parser("manage.py", command)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_it_shows_options_that_there_are(page: Path) -> None:
    calls = CALL.findall(page.read_text())
    wrong = [
        f"{command} {option}"
        for command, rest in calls
        for option in re.findall(r"(?<!\S)--[a-z][\w-]*", rest)
        if option not in known(command)
    ]
    assert not wrong


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")), ids=lambda page: page.name)
def test_links_of_the_repository_lead_somewhere(page: Path) -> None:
    """Those of docs/ are looked at when the site is built."""
    links = re.findall(r"\]\(([^)#:]+)(?:#([^)]+))?\)", page.read_text())
    dead = [name for name, anchor in links if anchor and anchor not in anchors(page.parent / name)]
    assert [*dead, *(name for name, _ in links if not (page.parent / name).exists())] == []


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_they_show_every_command() -> None:
    shown = {command for page in PAGES for command, _ in CALL.findall(page.read_text())}
    assert set(OURS) - shown == set()


def test_each_setting_is_on_another_page_than_the_list() -> None:
    text = "".join(page.read_text() for page in PAGES if page.name not in ("settings.md", "CHANGELOG.md"))
    assert [name.upper() for name in Settings._fields if not re.search(rf"\b{name.upper()}\b", text)] == []


def test_each_setting_of_a_fleet_is_in_its_table() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/fleets.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(name.upper() for name in Fleet._fields)
