"""Every message of the commands is marked, and can be said in another language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from medusa_migrations.errors import BuildError, FileError, Location, PlanError
from medusa_migrations.messages import N_, Message, joined
from tests.support.projects import ROOT

PACKAGE = ROOT / "medusa_migrations"

# The exceptions of an API, English as those of Python are; and what Django's own functions mark.
_NO_MESSAGES = {"schema", "admin"}
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] not in _NO_MESSAGES]

_ERRORS = re.compile(r"\w*Error|MigrationFailed|Interrupted|NotReady")
_SAID = {"say", "written", "write", "add_argument_group", "Warning", "Finding"}
# Raised for programmers, or by one part of the app for another.
_NOT_SHOWN = {
    "AssertionError",
    "AttributeError",
    "KeyError",
    "LookupError",
    "NotImplementedError",
    "RuntimeError",
    "TypeError",
    "ValueError",
}


def unmarked(source: str) -> Iterator[tuple[int, str]]:
    """The texts of a module that are shown and no argument of `N_`, with their lines."""
    tree = ast.parse(source)
    marked = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node) == "N_" and isinstance(node.args[0], ast.Constant)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        for text in _shown(node):
            for inner in ast.walk(text):
                if isinstance(inner, ast.Constant) and id(inner) not in marked and _is_text(inner.value):
                    yield inner.lineno, inner.value


def _shown(node: ast.AST) -> Iterator[ast.expr]:
    """What of a node people read."""
    if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == "help" for one in node.targets):
        yield node.value
    if isinstance(node, ast.Call):
        name = _name(node)
        yield from (one.value for one in node.keywords if one.arg == "help")
        if name in _SAID or (_ERRORS.fullmatch(name) and name not in _NOT_SHOWN):
            yield from node.args


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and re.search(r"[^\W\d_]{2,}\W* \W*[^\W\d_]{2,}", value) is not None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_has_no_message_that_is_not_marked(path: Path) -> None:
    assert list(unmarked(path.read_text())) == []


def test_what_is_not_marked_is_found() -> None:
    assert list(unmarked('raise PlanError(f"{id} is not there")\nraise PlanError(N_("{id} is not", id=id))')) == [
        (1, " is not there")
    ]
    assert list(unmarked('add(help="What is done.")\nself.say("It is done." if x else N_("It is."))')) == [
        (1, "What is done."),
        (2, "It is done."),
    ]


GERMAN = {
    "{id} is not applied.": "{id} ist nicht angewendet.",
    " Did you mean {known!r}?": " War {known!r} gemeint?",
    "{count} problems in the migration files:\n{problems}": "{count} Fehler in den Dateien:\n{problems}",
    "wrong": "falsch",
    "Mend it.": "Bitte verbessern.",
}


def german(template: str) -> str:
    return GERMAN.get(template, template)


def test_a_message_is_english_and_keeps_what_it_is_made_of() -> None:
    message = N_("{id} is not applied.", id="blog.1")
    assert message == str(message) == "blog.1 is not applied."
    assert message.translated(german) == "blog.1 ist nicht angewendet."


def test_braces_in_values_and_without_values_stand_for_themselves() -> None:
    assert N_("{}") == N_("{}").translated(german) == "{}"
    assert N_("{id} is not applied.", id="{x}").translated(german) == "{x} ist nicht angewendet."


def test_a_message_that_was_chosen_before_its_values_is_filled_with_them() -> None:
    message = N_("{id} is not applied.").filled(id="b")
    assert message == "b is not applied."
    assert message.translated(german) == "b ist nicht angewendet."


def test_messages_in_messages_are_translated_and_other_texts_stay() -> None:
    message = joined("\n", [N_("{id} is not applied.", id="a"), "SELECT 1", N_("wrong")])
    assert message == "a is not applied.\nSELECT 1\nwrong"
    assert message.translated(german) == "a ist nicht angewendet.\nSELECT 1\nfalsch"


def test_errors_that_are_made_of_others_are_translated_in_all_their_parts() -> None:
    one = FileError(N_("wrong"), Location("a.sql", 2, 3, "SELECT"), N_("Mend it."))
    both = BuildError([one, PlanError(N_("{id} is not applied.", id="b"))])
    assert both.in_language(german).splitlines() == [
        "2 Fehler in den Dateien:",
        "a.sql:2:3: falsch",
        *one.location.excerpt().splitlines(),
        "Bitte verbessern.",
        "b ist nicht angewendet.",
    ]
    assert str(both).splitlines()[:2] == ["2 problems in the migration files:", "a.sql:2:3: wrong"]


def test_an_error_that_crosses_processes_keeps_its_message() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(PlanError(N_("{id} is not applied.", id="b"))))
    assert isinstance(error.args[0], Message)
    assert error.in_language(german) == "b ist nicht angewendet."
