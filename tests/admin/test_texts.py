"""Every text of the admin is marked for translation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.projects import ROOT

PACKAGE = ROOT / "medusa_migrations"
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))
MODULES = sorted([*(PACKAGE / "admin").glob("*.py"), PACKAGE / "models.py"])

_MARKED = re.compile(r"{% (blocktranslate\b.*?)%}.*?{% endblocktranslate %}|{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
_COMMENT = re.compile(r"{% block bodyclass %}.*?{% endblock %}|<!--.*?-->|<script.*?</script>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_READ_ALOUD = re.compile(r"\b(?:alt|title|placeholder|aria-label|submit\" .*value)=\"([^\"]*)\"")

_FUNCTIONS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}

# What begins like a sentence and is none of the admin's: a comment that tables have, what other programs are called.
_NO_TEXTS = re.compile(r"(History|Journal) of (a schema by )?medusa_migrations|.*\bworker -[qQ] |.*db_worker ")


def unmarked(template: str) -> Iterator[str]:
    """What of a template a person reads that no tag translates."""
    rest = _MARKED.sub("", _COMMENT.sub("", template))
    yield from (found for found in _READ_ALOUD.findall(rest) if _words(found))
    yield from (line.strip() for line in _TAG.sub("\n", rest).splitlines() if _words(line))


def _words(text: str) -> bool:
    """Whether there is one beside what stands for an id."""
    return bool(re.search(r"[^\W\d_]{2,}", re.sub(r"&\w+;|\w+\.\d{14}_\w+", "", text)))


def unmarked_strings(source: str) -> Iterator[tuple[int, str]]:
    """The sentences and labels of a module that are no argument of a function that translates, with their lines."""
    tree = ast.parse(source)
    quiet = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            quiet.add(id(node.value))  # a docstring
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
            quiet |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
            yield from [(node.lineno, node.value)] if _is_text(node.value) else []


def _is_text(value: str) -> bool:
    begins = re.match(r"[A-Z][a-z]+\b.* |[A-Z][a-z]+…$", value)
    return begins is not None and not _NO_TEXTS.match(value)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_text_that_is_not_marked(path: Path) -> None:
    assert list(unmarked(path.read_text())) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_has_no_text_that_is_not_marked(path: Path) -> None:
    assert list(unmarked_strings(path.read_text())) == []


def test_what_is_not_marked_is_found() -> None:
    template = '<p title="Look">{% translate "Fine" %} not {{ x }}</p>{% blocktranslate %}Fine{% endblocktranslate %}'
    assert list(unmarked(template)) == ["Look", "not"]
    assert list(unmarked_strings('a = "Not marked at all."\nb = _("Marked at all.")\n')) == [(1, "Not marked at all.")]
