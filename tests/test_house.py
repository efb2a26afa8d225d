"""The wings of `medusa_migrations/` and what each may import: the picture in CONTRIBUTING.md, held against the code."""

from __future__ import annotations

import ast
import functools
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.projects import ROOT

PACKAGE = ROOT / "medusa_migrations"

# The words: what all may import.
WORDS = {"migration", "results", "run_result", "errors", "events", "signals", "conf", "models", "messages"}

# What each wing may import besides the words and itself.
WINGS = {
    "sql": set(),
    "schema": {"sql"},
    "files": {"sql", "schema"},
    "plan": {"files"},
    "database": {"sql", "files", "plan"},
    "run": {"engines", "sql", "schema", "files", "plan", "database"},
    "generate": {"lint", "sql", "files", "plan", "database"},
    "lint": {"sql", "files"},
    "verify": {"lint", "sql", "files", "plan", "database", "run", "generate"},
    "adopt": {"verify", "generate", "run", "database", "plan", "files", "sql"},
    "engines": set(),
    "tasks": {"engines"},
    "fleet": {"engines", "run", "database", "plan", "files"},
    "management": {
        "api",
        "sql",
        "schema",
        "files",
        "plan",
        "database",
        "run",
        "generate",
        "lint",
        "verify",
        "adopt",
        "fleet",
    },
    "admin": {"api", "sql"},
    "api": {"files", "plan", "database", "run", "generate", "lint", "verify", "adopt", "fleet", "engines"},
}

# What a word or a wing may not have of the words, and the few that need something else.
ONLY: dict[str, set[str]] = {
    "sql": {"messages"},
    "schema": {"migration"},
    "apps": {"management"},  # registers the checks, when the apps are ready
    "__init__": {"schema"},  # hands out Schema and reverse, when asked
}

# What has no code.
DATA = {"locale", "templates", "static", "py.typed"}


@dataclass(frozen=True)
class Import:
    path: Path
    line: int
    target: str  # a dotted name below medusa_migrations
    for_types_only: bool


def wing_of(dotted: str) -> str:
    return dotted.partition(".")[0]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def imports_of(path: Path) -> Iterator[Import]:
    """What a file imports of this package, at its top and in its functions."""
    tree = ast.parse(path.read_text())
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for one in node.body
        for inner in ast.walk(one)
    }
    package = ["medusa_migrations", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names:
            below = name.removeprefix("medusa_migrations.")
            if below != name:
                yield Import(path, node.lineno, below, id(node) in guarded)


@functools.cache
def all_imports() -> list[Import]:
    return [one for path in sorted(PACKAGE.rglob("*.py")) for one in imports_of(path)]


@functools.cache
def is_module(dotted: str) -> bool:
    path = PACKAGE / dotted.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def file_of(dotted: str) -> str:
    """The module that an imported name is, or is in."""
    return dotted if is_module(dotted) else dotted.rpartition(".")[0] or "__init__"


def allowed(wing: str) -> set[str]:
    words = set() if wing in ONLY else WORDS
    return {wing} | words | WINGS.get(wing, set()) | ONLY.get(wing, set())


def sentence(wing: str) -> str:
    path = PACKAGE / wing / "__init__.py" if (PACKAGE / wing).is_dir() else PACKAGE / f"{wing}.py"
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def test_every_entry_of_the_package_is_known() -> None:
    found = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert found == {*WORDS, *WINGS, *DATA, "apps", "__init__"}


@pytest.mark.parametrize("wing", [*WINGS, *sorted(WORDS), "apps", "__init__"])
def test_imports_only_what_its_wing_may(wing: str) -> None:
    wrong = [
        f"{one.path.relative_to(ROOT)}:{one.line} imports {one.target}"
        for one in all_imports()
        if wing_of(module_of(one.path)) == wing and wing_of(file_of(one.target)) not in allowed(wing)
    ]
    assert not wrong, "\n".join([*wrong, f"{wing}: {sentence(wing)} It may import {', '.join(sorted(allowed(wing)))}."])


@pytest.mark.parametrize("wing", sorted(WINGS))
def test_each_wing_says_what_it_is(wing: str) -> None:
    assert sentence(wing).endswith(".")


@pytest.mark.parametrize("wing", sorted(set(WINGS) - {"api", "tasks", "admin"}))
def test_a_wing_itself_imports_nothing(wing: str) -> None:
    """A command that needs one of its files loads no other."""
    assert len(ast.parse((PACKAGE / wing / "__init__.py").read_text()).body) == 1


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The modules that import each other, directly or through others."""
    found: list[list[str]] = []
    reach = {start: reachable(start, edges) for start in edges}
    for start in sorted(edges):
        circle = sorted(one for one in reach[start] if start in reach.get(one, set()))
        if circle and circle not in found:
            found.append(circle)
    return found


def reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    todo = list(edges.get(start, ()))
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo += edges.get(one, ())
    return seen


def test_no_modules_import_each_other_when_they_run() -> None:
    """Lazy imports count; those for types alone do not, as they are none then."""
    edges: dict[str, set[str]] = {}
    for one in all_imports():
        if not one.for_types_only:
            edges.setdefault(module_of(one.path).removesuffix(".__init__"), set()).add(file_of(one.target))
    assert circles(edges) == []


def test_imports_for_types_alone_keep_to_the_wings_too() -> None:
    typed = [one for one in all_imports() if one.for_types_only]
    assert typed, "there are some: TYPE_CHECKING is recognised"
    assert [one for one in typed if wing_of(file_of(one.target)) not in allowed(wing_of(module_of(one.path)))] == []


def test_the_wings_can_be_imported_alone() -> None:
    for wing in WINGS:
        importlib.import_module(f"medusa_migrations.{wing}")


def test_the_guide_to_the_code_has_the_same_picture() -> None:
    rows = re.findall(r"^\| `([a-z]+)(?:/|\.py)` \| (.+?) \| (.+?) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.M)
    assert {wing for wing, _, _ in rows} == set(WINGS)
    for wing, text, may_import in rows:
        assert text == sentence(wing)
        if wing != "management":  # "`api` and all below it"
            assert set(re.findall(r"`(\w+)`", may_import)) - WORDS == WINGS[wing], wing
